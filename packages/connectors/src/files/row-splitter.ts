import { isUtf8 } from 'node:buffer';
import { damaged, describeByte, describeBytes } from './damage.ts';

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 0x22;

/** The bytes of one row, not yet taken apart. */
export interface Row {
  /** With its line break, unless the file ends without one. */
  readonly bytes: Buffer;
  /** Where in the stream it ends. */
  readonly at: number;
  /** The line on which it begins. */
  readonly line: number;
  /** The line on which the next one begins. */
  readonly next: number;
  /** Why it cannot be read, if it cannot. */
  readonly fault?: string;
}

/**
 * Where the splitter is: at the `start` of a field, in a `plain` or `quoted` one, behind its closing `quote` (or
 * the first half of a doubled one), behind a `return` that follows a closing quote, or in a `bad` row.
 */
type State = 'start' | 'plain' | 'quoted' | 'quote' | 'return' | 'bad';

/**
 * Finds where the rows of a CSV file begin and end (RFC 4180: line breaks within quotes do not count).
 *
 * A row with a quote where none may be is at fault as a whole, and ends with the line on which the quote
 * stands: from there on everything is read as if nothing had happened, so one bad row costs only itself.
 * A row that is not UTF-8 is at fault, too: its bytes cannot be text.
 */
export class RowSplitter {
  readonly #name: string;
  readonly #maxBytes: number;
  readonly #attention: Uint8Array = new Uint8Array(256);
  readonly #delimiter: number;
  #state: State = 'start';
  #fault: string | undefined;
  #at: number;
  #line: number;
  #rowLine: number;
  #carry: Buffer[] = [];
  #carryBytes = 0;

  constructor(name: string, delimiter: number, maxBytes: number, at: number, line: number) {
    this.#name = name;
    this.#delimiter = delimiter;
    this.#maxBytes = maxBytes;
    this.#at = at;
    this.#line = line;
    this.#rowLine = line;
    for (const byte of [delimiter, QUOTE, NEWLINE]) this.#attention[byte] = 1;
  }

  /** Calls `onRow` for every row that ends in the buffer; empty lines are left out. */
  push(buffer: Buffer, onRow: (row: Row) => void): void {
    const { length } = buffer;
    let start = 0;
    for (let i = 0; i < length; i++) {
      if (this.#state === 'plain' || this.#state === 'start') {
        const from = i;
        while (i < length && this.#attention[buffer[i]!] === 0) i++;
        if (i > from) this.#state = 'plain';
      } else if (this.#state === 'quoted') {
        while (i < length && buffer[i] !== QUOTE && buffer[i] !== NEWLINE) i++;
      }
      if (i < length && this.#endsRow(buffer[i]!)) {
        this.#emit(buffer.subarray(start, i + 1), onRow);
        start = i + 1;
      }
    }
    if (start === length) return;
    this.#carry.push(buffer.subarray(start));
    this.#carryBytes += length - start;
    this.#checkLength(this.#carryBytes);
  }

  end(onRow: (row: Row) => void): void {
    if (this.#state === 'quoted') {
      throw damaged(
        `${this.#name} ends within quotes: in the row that begins on line ${this.#rowLine} a quote is not closed.`,
      );
    }
    if (this.#state === 'return') this.#endsRow(RETURN);
    if (this.#carry.length > 0) this.#emit(Buffer.alloc(0), onRow);
  }

  /** Takes one byte; whether it is the last of its row. */
  #endsRow(byte: number): boolean {
    if (byte === NEWLINE) {
      this.#line++;
      return this.#state !== 'quoted';
    }
    const isQuote = byte === QUOTE;
    switch (this.#state) {
      case 'start':
        if (isQuote) this.#state = 'quoted';
        break;
      case 'plain':
        if (isQuote) this.#spoil('there is a quote within a field that does not begin with one');
        else if (byte === this.#delimiter) this.#state = 'start';
        break;
      case 'quoted':
        this.#state = 'quote';
        break;
      case 'quote':
        if (isQuote) this.#state = 'quoted';
        else if (byte === this.#delimiter) this.#state = 'start';
        else if (byte === RETURN) this.#state = 'return';
        else this.#spoil(`a closing quote is followed by ${describeByte(byte)}`);
        break;
      case 'return':
        this.#spoil('a closing quote is followed by a carriage return');
        break;
      case 'bad':
        break;
    }
    return false;
  }

  #spoil(fault: string): void {
    this.#fault = `${fault} on line ${this.#line}`;
    this.#state = 'bad';
  }

  #emit(tail: Buffer, onRow: (row: Row) => void): void {
    const bytes = this.#carry.length === 0 ? tail : Buffer.concat([...this.#carry, tail]);
    this.#checkLength(bytes.length);
    const fault = this.#fault ?? (isUtf8(bytes) ? undefined : 'it is not valid UTF-8');
    const line = this.#rowLine;
    this.#at += bytes.length;
    this.#carry = [];
    this.#carryBytes = 0;
    this.#fault = undefined;
    this.#state = 'start';
    this.#rowLine = this.#line;
    const isEmpty = bytes[0] === NEWLINE || (bytes[0] === RETURN && bytes[1] === NEWLINE);
    if (isEmpty) return;
    const row = { bytes, at: this.#at, line, next: this.#line };
    onRow(fault === undefined ? row : { ...row, fault });
  }

  #checkLength(bytes: number): void {
    if (bytes <= this.#maxBytes) return;
    throw damaged(
      `The row of ${this.#name} that begins on line ${this.#rowLine} is longer than ${describeBytes(this.#maxBytes)}: a quote may not be closed. If it is right, raise maxRecordBytes.`,
    );
  }
}
