import type { Source } from '@leat/sdk';
import { ElementScanner } from './element-scanner.ts';
import type { FilePaths } from './file-list.ts';
import { type FileFormat, type FileOptions, fileSource } from './file-source.ts';

const JSON_ARRAY: FileFormat = {
  kind: 'json-array',
  unit: 'element',
  scan: (start) => new ElementScanner(start),
};

/**
 * Reads files that hold one JSON array each, plain or gzip. Every element is a record, whatever JSON it is. The
 * file is never in memory as a whole, and elements are not parsed: one that is malformed within itself
 * becomes a dead letter at the first stage that reads it, while an array that is not one (no `[`, a comma
 * missing, cut short, something behind the `]`) ends the run, after the elements before the fault.
 * An empty file has no elements. Positions are element indexes, from 0.
 *
 * To go on from a cursor costs a seek in a plain file; a gzip file is decompressed again from its start.
 *
 * @param paths a path, several, or a glob; several files are read one after the other
 * @example
 * ```ts
 * const source = jsonArray('cities.json');
 * ```
 */
export function jsonArray(paths: FilePaths, options: FileOptions = {}): Source {
  return fileSource(JSON_ARRAY, paths, options);
}
