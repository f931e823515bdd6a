import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** This repository. */
export const HERE: string = fileURLToPath(new URL('../..', import.meta.url));

/** The commit of the last release, and from the first release on its tag. */
async function lastRelease(): Promise<string> {
  return (await readFile(new URL('last-release.txt', import.meta.url), 'utf8')).trim();
}

/**
 * The last release, built from this repository's own history. It is built once for each commit, and kept where
 * caches are: `LEAT_CACHE_DIR`, else `$XDG_CACHE_HOME/leat`.
 *
 * @returns its directory
 */
export async function releaseBuild(): Promise<string> {
  const release = await lastRelease();
  const commit = await git('rev-parse', `${release}^{commit}`).catch((error: unknown) => {
    throw new Error(
      `The last release ${release} is not in this clone: fetch it, with its history ("git fetch --unshallow").`,
      { cause: error },
    );
  });
  const releases = path.join(cacheRoot(), 'releases');
  const wanted = path.join(releases, commit);
  if (existsSync(wanted)) return wanted;
  await mkdir(releases, { recursive: true });
  const staged = await mkdtemp(path.join(releases, 'building-'));
  try {
    const archive = path.join(staged, 'source.tar');
    await git('archive', '--output', archive, commit);
    await execute('tar', ['-xf', archive, '-C', staged]);
    // The packages that this checkout has are in the store already: most are the same.
    const install = ['-y', 'pnpm@12.21.0', 'install', '--frozen-lockfile', '--prefer-offline'];
    await execute('npx', install, { cwd: staged });
    await execute(process.execPath, [path.join('node_modules', 'typescript', 'bin', 'tsc'), '-b'], {
      cwd: staged,
    });
    // Another test may have been quicker.
    await rename(staged, wanted).catch((error: unknown) => {
      if (!existsSync(wanted)) throw error;
    });
    return wanted;
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

function cacheRoot(): string {
  const { LEAT_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  return LEAT_CACHE_DIR || path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'leat');
}

async function git(...args: readonly string[]): Promise<string> {
  return (await execute('git', ['-C', HERE, ...args])).stdout.trim();
}
