import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { parse } from 'node:path';
import { LeatError } from '@leat/core';
import { fromStart } from '@leat/sdk';
import picomatch from 'picomatch';
import { errorCode } from '../sink/error-code.ts';
import { danglingLink, unreadable } from './unreadable.ts';

/** What makes a pattern of a name. Parentheses alone do not: `exports (1)` is a name. */
const IS_PATTERN = /[*?[{]|[@!+]\(/;
/** Braces with alternatives that have slashes, so that they do not stay within one name. */
const BRACES = /\{([^{}]*,[^{}]*)\}/;

/** What `readdir` says when there is nothing to read, which is not an error here. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** Something that a folder has. */
interface Entry {
  readonly name: string;
  readonly isText: boolean;
  readonly dirent: Dirent<Buffer>;
}

/** Whether a path that does not exist may be a pattern. */
export function isPattern(path: string): boolean {
  return IS_PATTERN.test(path);
}

/**
 * The paths that match a pattern, in no order; folders may be among them. A part of the pattern that is there under its very
 * name is taken literally. `**` goes into folders that are linked, too, and into each once.
 *
 * Throws `source-missing` for whatever may match and cannot be read: nothing is left out in silence.
 */
export async function glob(pattern: string): Promise<readonly string[]> {
  const walk = new Walk();
  const found = new Set<string>();
  for (const one of alternatives(pattern)) {
    const { root } = parse(one);
    const parts = one
      .slice(root.length)
      .split('/')
      .filter((part) => part !== '' && part !== '.');
    for (const path of await walk.match(root, parts)) found.add(path);
  }
  return [...found];
}

function alternatives(pattern: string): readonly string[] {
  const [all = '', inner = ''] = BRACES.exec(pattern) ?? [];
  if (!/\{[^}]*\/[^}]*\}/.test(pattern) || all === '') return [pattern];
  return inner.split(',').flatMap((part) => alternatives(pattern.replace(all, () => part)));
}

/** One search, in which every folder is read once. */
class Walk {
  readonly #folders = new Map<string, Promise<readonly Entry[]>>();

  async match(folder: string, parts: readonly string[]): Promise<readonly string[]> {
    const [part, ...rest] = parts;
    if (part === undefined) return [folder];
    if (part === '**') return this.#matchBelow(folder, rest.length === 0 ? ['*'] : rest, new Set());
    if (!isPattern(part)) {
      const path = under(folder, part);
      return (await isThere(path)) ? this.match(path, rest) : [];
    }
    const entries = await this.#entries(folder);
    const isLiteral = entries.some(({ name }) => name === part);
    const isMatch = isLiteral ? (name: string) => name === part : matcher(part);
    const found: string[] = [];
    for (const entry of entries) {
      if (!isMatch(entry.name)) continue;
      const path = textPath(folder, entry);
      if (rest.length === 0) found.push(path);
      else if (await isFolder(path, entry)) found.push(...(await this.match(path, rest)));
    }
    return found;
  }

  /** @param seen the folders that the search has been in, however it came there */
  async #matchBelow(
    folder: string,
    rest: readonly string[],
    seen: Set<string>,
  ): Promise<readonly string[]> {
    const real = await realpath(fromStart(folder)).catch((cause: unknown) =>
      demandAbsent(folder, cause),
    );
    if (real === undefined || seen.has(real)) return [];
    seen.add(real);
    const found = [...(await this.match(folder, rest))];
    for (const entry of await this.#entries(folder)) {
      if (entry.name.startsWith('.')) continue;
      if (!entry.dirent.isDirectory() && !entry.dirent.isSymbolicLink()) continue;
      const path = textPath(folder, entry);
      if (await isFolder(path, entry)) found.push(...(await this.#matchBelow(path, rest, seen)));
    }
    return found;
  }

  #entries(folder: string): Promise<readonly Entry[]> {
    let entries = this.#folders.get(folder);
    if (entries === undefined) this.#folders.set(folder, (entries = entriesOf(folder)));
    return entries;
  }
}

/** Those that are no links first, and each kind by name, so that a search finds the same under the same name. */
async function entriesOf(folder: string): Promise<readonly Entry[]> {
  let dirents: readonly Dirent<Buffer>[];
  try {
    dirents = await readdir(fromStart(folder), { withFileTypes: true, encoding: 'buffer' });
  } catch (cause) {
    await demandAbsent(folder, cause);
    return [];
  }
  const rank = ({ name, dirent }: Entry): string => (dirent.isSymbolicLink() ? '1' : '0') + name;
  return dirents
    .map((dirent) => ({ name: dirent.name.toString(), isText: isUtf8(dirent.name), dirent }))
    .toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** Where there is nothing, nothing matches. @throws LeatError `source-missing` if there is something */
async function demandAbsent(folder: string, cause: unknown): Promise<undefined> {
  const code = errorCode(cause);
  const isAbsent = ABSENT.has(code);
  const link = isAbsent || code === 'ELOOP' ? await danglingLink(folder) : undefined;
  if (link !== undefined || !isAbsent) {
    throw link ?? unreadable(folder === '' ? fromStart('') : folder, cause);
  }
}

/** The path of an entry that is wanted. */
function textPath(folder: string, { name, isText, dirent }: Entry): string {
  if (isText) return under(folder, name);
  const bytes = dirent.name.toString('latin1').replaceAll(/[^\x20-\x7e]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  throw new LeatError(
    'source-missing',
    `The name of ${under(folder, bytes)} is not UTF-8, and no run could go on with it: rename it.`,
  );
}

async function isFolder(path: string, { dirent }: Entry): Promise<boolean> {
  if (!dirent.isSymbolicLink()) return dirent.isDirectory();
  try {
    return (await stat(fromStart(path))).isDirectory();
  } catch (cause) {
    throw (await danglingLink(path)) ?? unreadable(path, cause);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(fromStart(path));
    return true;
  } catch (cause) {
    if (ABSENT.has(errorCode(cause))) return false;
    throw unreadable(path, cause);
  }
}

/** Not by `join`: `link/..` is the parent of what the link leads to. */
function under(folder: string, name: string): string {
  return folder === '' || folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function matcher(part: string): (name: string) => boolean {
  return picomatch(escapePlain(part), { posix: true });
}

/** Escapes the parentheses that belong to no `@(…)`, `!(…)`, `+(…)`, `*(…)` or `?(…)`. */
function escapePlain(part: string): string {
  const isPlain: boolean[] = [];
  return part.replaceAll(/\\.|[@!+*?]?\(|\)/g, (found) => {
    if (found.startsWith('\\')) return found;
    if (found !== ')') isPlain.push(found === '(');
    const escapes = found === ')' ? (isPlain.pop() ?? true) : found === '(';
    return escapes ? `\\${found}` : found;
  });
}
