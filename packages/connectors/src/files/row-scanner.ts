import type { ChunkBuilder } from '../chunk-builder.ts';
import { damaged } from './damage.ts';
import type { RecordScanner } from './file-source.ts';
import { LineEncoder } from '../memory/line-encoder.ts';
import { fieldsOf } from './row-fields.ts';
import type { Row, RowSplitter } from './row-splitter.ts';

const QUOTE = 0x22;

/** What separates the fields of files that are called CSV. A single colon may belong to a name: `time:utc`. */
const OTHER_DELIMITER = /[,;|^~\p{Cc}]|:(?=.*:)/u;

/** Makes a JSON object of every row. */
export class RowScanner implements RecordScanner {
  readonly #name: string;
  readonly #splitter: RowSplitter;
  readonly #delimiter: string;
  readonly #builder: ChunkBuilder;
  readonly #encoder = new LineEncoder();
  #columns: readonly string[] | undefined;
  /** `{"name":`, `,"country":` … */
  #keys: readonly string[] = [];

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
    this.#splitter.push(buffer, this.#take);
  }

  end(): void {
    this.#splitter.end(this.#take);
  }

  readonly #take = (row: Row): void => {
    const values = row.fault === undefined ? fieldsOf(row.bytes, this.#delimiter) : undefined;
    if (this.#columns === undefined) this.#readHeader(row, values);
    else this.#add(row, values, this.#columns.length);
  };

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
    const raw = row.bytes.toString().replace(/\r?\n$|\r$/, '');
    const reason = row.fault ?? miscounted(row, expected, values?.length ?? 0);
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
    if (values.length === 1) this.#expectNoDelimiter(values[0]!, row);
    this.#setColumns(values);
  }

  /** A file that is read with the wrong delimiter has one column, and the true one is in its name. */
  #expectNoDelimiter(name: string, { bytes }: Row): void {
    const [found] = OTHER_DELIMITER.exec(name) ?? [];
    if (found === undefined || bytes[0] === QUOTE) return;
    const [expected, instead] = [this.#delimiter, found].map((it) => JSON.stringify(it));
    throw damaged(
      `${this.#name} has a header of one column with ${instead} in its name, ${JSON.stringify(name)}, where ${expected} was expected to separate columns: set delimiter to ${instead}, or put the name in quotes if it is one.`,
    );
  }

  #setColumns(columns: readonly string[]): void {
    this.#columns = columns;
    this.#keys = columns.map((name, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  }
}

function miscounted({ line, next }: Row, expected: number, found: number): string {
  const reason = `expected ${expected} columns, found ${found}`;
  if (next - line < 2) return reason;
  return `${reason} on the lines ${line} to ${next - 1}: a stray quote may have joined them`;
}
