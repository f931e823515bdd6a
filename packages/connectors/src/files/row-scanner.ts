import { messageOf } from '@leat/core';
import { parse } from 'csv-parse/sync';
import type { ChunkBuilder } from '../chunk-builder.ts';
import { damaged } from './damage.ts';
import type { RecordScanner } from './file-source.ts';
import { LineEncoder } from '../memory/line-encoder.ts';
import type { Row, RowSplitter } from './row-splitter.ts';

/**
 * Makes a JSON object of every row. The splitter says where rows are, csv-parse what is in them: the rows
 * of one read are parsed in one go, and what either of them knows is joined by their order.
 */
export class RowScanner implements RecordScanner {
  readonly #name: string;
  readonly #splitter: RowSplitter;
  readonly #delimiter: string;
  readonly #builder: ChunkBuilder;
  readonly #encoder = new LineEncoder();
  #columns: readonly string[] | undefined;
  /** `{"name":`, `,"country":` … */
  #keys: readonly string[] = [];
  #rows: Row[] = [];

  /** @param columns the keys; without them the first row has them */
  constructor(
    name: string,
    splitter: RowSplitter,
    delimiter: string,
    columns: readonly string[] | undefined,
    builder: ChunkBuilder,
  ) {
    this.#name = name;
    this.#splitter = splitter;
    this.#delimiter = delimiter;
    this.#builder = builder;
    if (columns !== undefined) this.#setColumns(columns);
  }

  /** The keys of the records, as soon as they are known. */
  get columns(): readonly string[] | undefined {
    return this.#columns;
  }

  push(buffer: Buffer): void {
    this.#scan(() => this.#splitter.push(buffer, (row) => this.#rows.push(row)));
  }

  end(): void {
    this.#scan(() => this.#splitter.end((row) => this.#rows.push(row)));
  }

  /** Rows that come before a fault are shipped before it is thrown. */
  #scan(split: () => void): void {
    try {
      split();
    } finally {
      this.#ship();
    }
  }

  #ship(): void {
    if (this.#rows.length === 0) return;
    const sound = this.#rows.filter(({ fault }) => fault === undefined);
    const parsed = this.#parse(sound);
    let index = 0;
    for (const row of this.#rows) {
      const values = row.fault === undefined ? parsed[index++] : undefined;
      if (this.#columns === undefined) this.#readHeader(row, values);
      else this.#add(row, values, this.#columns.length);
    }
    this.#rows = [];
  }

  #parse(rows: readonly Row[]): readonly (readonly string[])[] {
    const line = rows[0]?.line ?? 1;
    let parsed: string[][];
    try {
      parsed = parse(Buffer.concat(rows.map(({ bytes }) => bytes)), {
        delimiter: this.#delimiter,
        record_delimiter: ['\r\n', '\n'],
        relax_column_count: true,
      });
    } catch (cause) {
      throw damaged(
        `${this.#name} cannot be read from line ${line} on: ${messageOf(cause)}.`,
        cause,
      );
    }
    if (parsed.length === rows.length) return parsed;
    throw damaged(
      `${this.#name} cannot be read from line ${line} on: there are ${rows.length} rows, and ${parsed.length} were found.`,
    );
  }

  #add(row: Row, values: readonly string[] | undefined, expected: number): void {
    if (values?.length === expected) {
      let text = '';
      for (let i = 0; i < expected; i++) text += this.#keys[i] + JSON.stringify(values[i]);
      const encoder = this.#encoder;
      encoder.encode(expected === 0 ? '{}' : `${text}}`);
      const { buffer, start, end } = encoder;
      this.#builder.addLine(buffer, start, end, row.line, row.at, row.next);
      return;
    }
    const reason = row.fault ?? `expected ${expected} columns, found ${values?.length ?? 0}`;
    const raw = row.bytes.toString().replace(/\r?\n$/, '');
    this.#builder.reject(raw, reason, row.line, row.at, row.next);
  }

  #readHeader(row: Row, values: readonly string[] | undefined): void {
    if (values === undefined) {
      throw damaged(`${this.#name} has no header that could be read: ${row.fault}.`);
    }
    const twice = values.find((name, i) => values.indexOf(name) !== i);
    if (twice !== undefined) {
      throw damaged(
        `${this.#name} has two columns with the name ${JSON.stringify(twice)}: rename one, or take the header out and give the names as columns.`,
      );
    }
    this.#setColumns(values);
  }

  #setColumns(columns: readonly string[]): void {
    this.#columns = columns;
    this.#keys = columns.map((name, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  }
}
