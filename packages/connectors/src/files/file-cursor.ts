import type { JsonValue } from '@leat/core';
import { changed } from './damage.ts';
import type { ListedFile } from './file-list.ts';

/** Where in a file the next record is looked for. */
export interface FilePlace {
  /** Index into the list of files. */
  readonly file: number;
  /** Byte offset, in the content (of a compressed file: uncompressed). */
  readonly at: number;
  /** The number of the next record; `undefined` at the beginning of a file. */
  readonly next: number | undefined;
}

/**
 * The cursor of every file source. Beside the place it holds what tells that the dataset has changed:
 * how many files there are, the name of the one being read, and its size.
 *
 * @param isAtDamage whether what follows cannot be read: then the file may have another size when the
 * run goes on, because it has to be mended. Only there: an earlier chunk that is read again must be the
 * same, and the last one before the end would not be.
 */
export function toFileCursor(
  files: readonly ListedFile[],
  file: number,
  at: number,
  next: number,
  isAtDamage: boolean,
): JsonValue {
  const { name, bytes } = files[file]!;
  return { file, files: files.length, name, bytes: isAtDamage ? null : bytes, at, next };
}

/** Reads a cursor; throws `source-changed` if it was made for other files. */
export function parseFileCursor(
  kind: string,
  cursor: JsonValue,
  files: readonly ListedFile[],
): FilePlace {
  if (cursor === null) return { file: 0, at: 0, next: undefined };
  const { file, files: count, name, bytes, at, next }: Record<string, unknown> = Object(cursor);
  if (!isCount(file) || !isCount(at) || !isCount(next) || !isCount(count)) {
    throw changed(`The cursor ${JSON.stringify(cursor)} was not made by the source ${kind}.`);
  }
  if (count !== files.length) {
    throw changed(`There were ${count} files to read, and now there are ${files.length}.`);
  }
  const found = files[file];
  if (found === undefined || found.name !== name) {
    throw changed(
      `File ${file + 1} of ${files.length} was ${String(name)}, and now it is ${found?.name ?? 'missing'}.`,
    );
  }
  if (bytes !== null && found.bytes !== bytes) {
    throw changed(
      `${found.name} had ${JSON.stringify(bytes)} bytes, and now it has ${found.bytes}.`,
    );
  }
  return { file, at, next };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
