import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BINARY_NAME, readVersion } from './binary.ts';

/**
 * Where servers are kept, outside of any repository: `LEAT_CACHE_DIR`, or the platform's place for
 * caches. One folder for a platform, as home directories are shared between machines.
 */
export function cacheDirectory(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): string {
  return join(cacheRoot(env, platform), 'nats-server', `${platform}-${process.arch}`);
}

function cacheRoot(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const given = (name: string): string | undefined => env[name] || undefined;
  const chosen = given('LEAT_CACHE_DIR');
  if (chosen !== undefined) return chosen;
  const home = given('HOME') ?? homedir();
  if (platform === 'win32') {
    return join(given('LOCALAPPDATA') ?? join(home, 'AppData', 'Local'), 'leat', 'cache');
  }
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'leat');
  return join(given('XDG_CACHE_HOME') ?? join(home, '.cache'), 'leat');
}

/** A cached server that runs and has the version which its folder says; undefined if there is none. */
export async function findCached(
  directory: string,
  version: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const path = join(directory, version, BINARY_NAME);
  try {
    return (await readVersion(path, signal)) === version ? path : undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Moves a server into the cache. The rename is atomic, so that nobody ever runs half a file. */
export async function keep(directory: string, staged: string, version: string): Promise<string> {
  const path = join(directory, version, BINARY_NAME);
  await mkdir(join(directory, version), { recursive: true });
  await chmod(staged, 0o755);
  await rename(staged, path);
  return path;
}

/**
 * The version that stood in for `wanted` when that could not be had (a Debian package, say). It is
 * remembered, so that the next start neither climbs the whole ladder again nor takes whichever
 * older server a test has put into the cache.
 */
export async function readStandIn(directory: string, wanted: string): Promise<string | undefined> {
  try {
    return (await readFile(standInFile(directory, wanted), 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** Remembers the stand-in for a version. */
export async function writeStandIn(
  directory: string,
  wanted: string,
  version: string,
): Promise<void> {
  const temporary = `${standInFile(directory, wanted)}.${process.pid}`;
  await writeFile(temporary, `${version}\n`);
  await rename(temporary, standInFile(directory, wanted));
}

function standInFile(directory: string, wanted: string): string {
  return join(directory, `instead-of-${wanted}`);
}

const STAGING = 'staging-';

/** Makes an empty folder in the cache's own file system and removes those of callers that were killed. */
export async function openStaging(directory: string): Promise<string> {
  const names = await readdir(directory);
  await Promise.all(
    names
      .filter((name) => name.startsWith(STAGING))
      .map((name) => removeTree(join(directory, name))),
  );
  return mkdtemp(join(directory, STAGING));
}

/** Removes a folder and all that is in it. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
