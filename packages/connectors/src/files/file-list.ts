import type { BigIntStats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { LeatError } from '@leat/core';
import { fromStart } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import { glob, isPattern } from './glob.ts';
import { danglingLink, unreadable } from './unreadable.ts';

/**
 * A path, several, or a glob such as `data/*.ndjson`; relative to the directory in which the process was started. A path
 * that exists is taken literally, whatever characters it has, and so is each part of it.
 */
export type FilePaths = string | readonly string[];

/** A file to be read. */
export interface ListedFile {
  /** As the user named it, or as the glob found it. */
  readonly name: string;
  /** Its size on disk. */
  readonly bytes: number;
}

/** A file, before it is known whether it is listed already. */
interface Candidate extends ListedFile {
  /** Where it is, whatever links lead to it. */
  readonly real: string;
  /** What several names of one file have in common; absent if it has only one. */
  readonly inode?: string;
}

/**
 * The files that `paths` name, in a fixed order: paths as they are given, and the matches of a glob in
 * the order of their character codes. A file that is named twice, by patterns or by symbolic links, is listed once.
 *
 * Throws `source-missing` for whatever cannot be read, before anything is read.
 */
export async function listFiles(paths: FilePaths): Promise<readonly ListedFile[]> {
  const files = new Map<string, Candidate>();
  for (const path of typeof paths === 'string' ? [paths] : paths) {
    for (const file of isPattern(path) ? await expand(path) : [await named(path)]) {
      if (!files.has(file.real)) files.set(file.real, file);
    }
  }
  if (files.size === 0) {
    throw new LeatError('source-missing', 'There is nothing to read: the list of paths is empty.');
  }
  refuseHardLinks(files.values());
  return [...files.values()].map(({ name, bytes }) => ({ name, bytes }));
}

async function named(path: string): Promise<Candidate> {
  const found = await candidateOf(path);
  if (found !== undefined) return found;
  throw new LeatError(
    'source-missing',
    `There is no file ${path} in ${fromStart('')}: correct the path, or start from the directory that it is relative to.`,
  );
}

async function expand(path: string): Promise<readonly Candidate[]> {
  const found: Candidate[] = [];
  for (const name of await glob(path)) {
    if (await isDirectory(name)) continue;
    const candidate = await candidateOf(name);
    if (candidate !== undefined) found.push(candidate);
  }
  if (found.length === 0) {
    throw new LeatError(
      'source-missing',
      `No file matches ${path} in ${fromStart('')}: correct the pattern, or start from the directory that it is relative to.`,
    );
  }
  // A link beside its target is left out, and not the other way round: it may have been added since the run began.
  const byReal = new Map<string, Candidate>();
  for (const file of found) if (!byReal.has(file.real)) byReal.set(file.real, file);
  // By character code: a locale's order would differ between machines.
  return [...byReal.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function isDirectory(name: string): Promise<boolean> {
  return (await statOf(name))?.isDirectory() === true;
}

/** The file of that name, or `undefined` if there is nothing. */
async function candidateOf(name: string): Promise<Candidate | undefined> {
  const found = await statOf(name);
  if (found === undefined) return undefined;
  if (!found.isFile()) throw notAFile(name, found);
  try {
    if (await hasUncountedBytes(name, found)) throw withoutSize(name);
    const real = await realpath(fromStart(name));
    const inode = found.nlink > 1n ? { inode: `${found.dev}:${found.ino}` } : {};
    return { name, bytes: Number(found.size), real, ...inode };
  } catch (cause) {
    if (cause instanceof LeatError) throw cause;
    throw unreadable(name, cause);
  }
}

/**
 * Whether a file has content that its size does not count, as those that the kernel writes when they are read. It
 * is opened in any case, which is the only true test: `access` asks for the user who has started the process.
 */
async function hasUncountedBytes(name: string, { size }: BigIntStats): Promise<boolean> {
  const handle = await open(fromStart(name), 'r');
  try {
    if (size > 0n) return false;
    const { bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead > 0;
  } finally {
    await handle.close();
  }
}

async function statOf(name: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(fromStart(name), { bigint: true });
  } catch (cause) {
    const link = await danglingLink(name);
    if (link !== undefined) throw link;
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errorCode(cause))) return undefined;
    throw unreadable(name, cause);
  }
}

function notAFile(name: string, found: BigIntStats): LeatError {
  return new LeatError(
    'source-missing',
    found.isDirectory()
      ? `${name} is a directory: name the files in it, for example ${name.replace(/\/+$/, '')}/*.json.`
      : `${name} is not a regular file: a source must be able to read it again, so save it to a file first.`,
  );
}

function withoutSize(name: string): LeatError {
  return new LeatError(
    'source-missing',
    `${name} has content, and its size is 0: it is made while it is read, and may be another one when it is read again, so save it to a file first.`,
  );
}

/** Neither of two hard links is the file's true name; and whether both were meant, nobody can know. */
function refuseHardLinks(files: Iterable<Candidate>): void {
  const byInode = new Map<string, string>();
  for (const { name, inode } of files) {
    if (inode === undefined) continue;
    const first = byInode.get(inode);
    if (first !== undefined) {
      throw new LeatError(
        'source-missing',
        `${first} and ${name} are one file with two names (hard links): name one of them, or copy it.`,
      );
    }
    byInode.set(inode, name);
  }
}
