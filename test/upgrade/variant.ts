import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** One change of a built file: what stands there, once or more often, and what is to stand in its place. */
export interface Edit {
  /** From the root of the build. */
  readonly file: string;
  readonly from: RegExp;
  readonly to: string;
}

/**
 * A build that differs from another one in a few places, as a past or a coming version of Leat may. Its own
 * packages are copied, with the links among them; the packages of others are shared.
 */
export async function variantOf(
  build: string,
  to: string,
  edits: readonly Edit[],
): Promise<string> {
  const modules = path.join(to, 'node_modules');
  await mkdir(path.join(to, 'packages'), { recursive: true });
  await mkdir(modules);
  for (const name of await readdir(path.join(build, 'node_modules'))) {
    const from = path.join(build, 'node_modules', name);
    if (name.startsWith('@') || name === 'leat') await copyLinks(from, path.join(modules, name));
    else await symlink(from, path.join(modules, name));
  }
  for (const name of await readdir(path.join(build, 'packages'))) {
    const [from, into] = [path.join(build, 'packages', name), path.join(to, 'packages', name)];
    for (const part of ['package.json', 'dist', 'bin', 'node_modules']) {
      await copyLinks(path.join(from, part), path.join(into, part));
    }
  }
  for (const { file, from, to: text } of edits) {
    const place = path.join(to, file);
    const before = await readFile(place, 'utf8');
    const after = before.replaceAll(from, text);
    if (after === before) throw new Error(`${file} has nothing like ${from} to be changed.`);
    await writeFile(place, after);
  }
  return to;
}

/** With symbolic links as they are: those to neighbours then lead to the copies. */
async function copyLinks(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, verbatimSymlinks: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}
