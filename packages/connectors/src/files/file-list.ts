import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { LeatError, messageOf } from '@leat/core';
import { glob, isDynamicPattern } from 'tinyglobby';

/**
 * A path, several, or a glob such as `data/*.ndjson`; relative to the current directory. A path that exists
 * is taken literally, whatever characters it has.
 */
export type FilePaths = string | readonly string[];

/** A file to be read. */
export interface ListedFile {
  /** As the user named it, or as the glob found it. */
  readonly name: string;
  /** Its size on disk. */
  readonly bytes: number;
}

/**
 * The files that `paths` name, in a fixed order: paths as they are given, and the matches of a glob in
 * the order of their character codes. A file that is named twice is listed once.
 *
 * Throws `source-missing` for whatever cannot be read, before anything is read.
 */
export async function listFiles(paths: FilePaths): Promise<readonly ListedFile[]> {
  const files = new Map<string, ListedFile>();
  for (const path of typeof paths === 'string' ? [paths] : paths) {
    const isLiteral = (await bytesOf(path)) !== undefined;
    for (const name of isLiteral ? [path] : await expand(path)) {
      if (!files.has(resolve(name))) files.set(resolve(name), await listed(name));
    }
  }
  if (files.size === 0) {
    throw new LeatError('source-missing', 'There is nothing to read: the list of paths is empty.');
  }
  return [...files.values()];
}

async function expand(path: string): Promise<readonly string[]> {
  if (!isDynamicPattern(path)) {
    throw new LeatError(
      'source-missing',
      `There is no file ${path} in ${process.cwd()}: correct the path, or start from the directory that it is relative to.`,
    );
  }
  const names = await glob(path, {
    onlyFiles: true,
    expandDirectories: false,
    absolute: isAbsolute(path),
  });
  if (names.length === 0) {
    throw new LeatError(
      'source-missing',
      `No file matches ${path} in ${process.cwd()}: correct the pattern, or start from the directory that it is relative to.`,
    );
  }
  // By character code: a locale's order would differ between machines.
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}

async function listed(name: string): Promise<ListedFile> {
  const bytes = await bytesOf(name);
  try {
    await access(name, constants.R_OK);
  } catch (cause) {
    throw unreadable(name, cause);
  }
  return { name, bytes: bytes ?? 0 };
}

/** The size of a file, or `undefined` if there is nothing of that name. */
async function bytesOf(name: string): Promise<number | undefined> {
  let found;
  try {
    found = await stat(name);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(codeOf(cause))) return undefined;
    throw unreadable(name, cause);
  }
  if (found.isFile()) return found.size;
  throw new LeatError(
    'source-missing',
    found.isDirectory()
      ? `${name} is a directory: name the files in it, for example ${name.replace(/\/+$/, '')}/*.json.`
      : `${name} is not a regular file: a source must be able to read it again, so save it to a file first.`,
  );
}

/** For a file that is there and will not be read. */
export function unreadable(name: string, cause: unknown): LeatError {
  return new LeatError(
    'source-missing',
    `${name} cannot be read (${messageOf(cause)}): give the process leave to read it.`,
    { cause },
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
