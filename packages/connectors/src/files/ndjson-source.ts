import type { Source } from '@leat/sdk';
import type { FilePaths } from './file-list.ts';
import { type FileFormat, type FileOptions, fileSource } from './file-source.ts';
import { LineScanner } from './line-scanner.ts';

const NDJSON: FileFormat = {
  kind: 'ndjson',
  unit: 'line',
  scan: (start) => new LineScanner(start),
};

/**
 * Reads newline-delimited JSON, plain or gzip. Lines are shipped as they are and not parsed: one that is not
 * JSON becomes a dead letter at the first stage that reads it. Blank lines are left out, `\r\n` is left as
 * it is (`\r` is whitespace to JSON), a last line without a line break gets one, and a byte order mark at
 * the beginning is skipped. Positions are line numbers, from 1.
 *
 * To go on from a cursor costs a seek in a plain file; a gzip file is decompressed again from its start.
 *
 * @param paths a path, several, or a glob; several files are read one after the other
 * @example
 * ```ts
 * const source = ndjsonSource('data/events-*.ndjson.gz');
 * ```
 */
export function ndjsonSource(paths: FilePaths, options: FileOptions = {}): Source {
  return fileSource(NDJSON, paths, options);
}
