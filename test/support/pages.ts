import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** What tools and runs leave behind, and packages that others wrote. */
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', 'out']);

/** Every file below a folder of the repository, as paths from its root. */
export async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(join(ROOT, folder), { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name) || (entry.isDirectory() && entry.name.startsWith('.'))) continue;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else files.push(path);
  }
  return files;
}

/** Every page of documentation, as paths from the root. */
export async function pagesOf(): Promise<string[]> {
  return (await filesBelow('')).filter((file) => file.endsWith('.md') && !/CHANGELOG/.test(file));
}
