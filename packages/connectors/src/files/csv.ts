import { LeatError } from '@leat/core';
import type { Source } from '@leat/sdk';
import { ChunkBuilder } from '../chunk-builder.ts';
import type { FilePaths } from './file-list.ts';
import { type FileOptions, fileSource, type ScanStart } from './file-source.ts';
import { type LineEnd, lineEndOf } from './line-end.ts';
import { RowScanner } from './row-scanner.ts';
import { RowSplitter } from './row-splitter.ts';

/** How a CSV file is written. */
export interface CsvOptions extends FileOptions {
  /**
   * What parts the fields: one ASCII character.
   * @defaultValue `','`
   */
  readonly delimiter?: string;
  /** The keys of the records, for files without a header; otherwise each file's first row has them. */
  readonly columns?: readonly string[];
}

/**
 * Reads CSV files (RFC 4180), plain or gzip. A record is an object with the header's names as keys and strings as
 * values; the schema turns them into numbers or dates (`z.coerce`). Empty lines are left out. Lines end with
 * a line feed, or with a carriage return alone in a file that begins without line feeds. A row with a column too many or too
 * few, with a quote or line end where none may be, or that is not UTF-8, becomes a dead letter. A stray
 * quote costs the line on which its row begins, and the lines that it would have swallowed are read as rows.
 * Positions are the numbers of the lines on which rows begin, from 1 and with the header counted, as an
 * editor shows them.
 *
 * To go on from a cursor costs a seek in a plain file; a gzip file is decompressed again from its start.
 *
 * @param paths a path, several, or a glob; several files are read one after the other
 * @example
 * ```ts
 * const source = csv('prices/*.tsv', { delimiter: '\t' });
 * ```
 */
export function csv(paths: FilePaths, options: CsvOptions = {}): Source {
  const { delimiter = ',', columns, ...fileOptions } = options;
  if (!/^[\t\x20-\x7e]$/.test(delimiter) || delimiter === '"') {
    throw new LeatError(
      'invalid-pipeline',
      `csv: expected delimiter to be one ASCII character other than the quote, got ${JSON.stringify(delimiter)}.`,
    );
  }
  if (columns !== undefined && new Set(columns).size < Math.max(1, columns.length)) {
    throw new LeatError(
      'invalid-pipeline',
      `csv: expected columns to be different names, at least one, got ${JSON.stringify(columns)}.`,
    );
  }

  const scanner = (
    { input, maxRecordBytes, at, next, builder }: ScanStart,
    lineEnd: LineEnd,
    names: readonly string[] | undefined,
  ): RowScanner => {
    const { name } = input;
    const byte = delimiter.charCodeAt(0);
    const where = { name, at, line: next ?? 1, lineEnd, maxBytes: maxRecordBytes };
    const splitter = new RowSplitter({ ...where, delimiter: byte });
    return new RowScanner(name, splitter, delimiter, names, builder);
  };

  /** Reads the header again, from the beginning of the file. */
  const headerOf = async (
    start: ScanStart,
    lineEnd: LineEnd,
  ): Promise<readonly string[] | undefined> => {
    const { at, buffers } = await start.input.contentFrom(0);
    const builder = new ChunkBuilder({ chunkSize: 1, maxBytes: 1 });
    const header = scanner({ ...start, at, next: undefined, builder }, lineEnd, undefined);
    for await (const buffer of buffers) {
      try {
        header.push(buffer);
      } catch (error) {
        // Damage behind the header is for the one who comes to it.
        if (header.columns === undefined) throw error;
      }
      if (header.columns !== undefined) break;
    }
    return header.columns;
  };

  const scan = async (start: ScanStart): Promise<RowScanner> => {
    const { buffers } = await start.input.contentFrom(0);
    const lineEnd = await lineEndOf(buffers);
    const isResumed = columns === undefined && start.next !== undefined;
    return scanner(start, lineEnd, isResumed ? await headerOf(start, lineEnd) : columns);
  };

  return fileSource({ kind: 'csv', unit: 'line', scan }, paths, fileOptions);
}
