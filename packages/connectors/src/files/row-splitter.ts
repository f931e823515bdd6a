import { isUtf8 } from 'node:buffer';
import { damaged, describeByte, describeBytes } from './damage.ts';
import type { LineEnd } from './line-end.ts';

const FEED = 10;
const RETURN = 13;
const QUOTE = 0x22;

const QUOTE_IN_PLAIN = 'there is a quote within a field that does not begin with one';
const FEED_IN_PLAIN = 'there is a line feed outside quotes';

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

/** Where a splitter begins, and in what. */
export interface SplitStart {
  readonly name: string;
  readonly delimiter: number;
  readonly lineEnd: LineEnd;
  readonly maxBytes: number;
  /** The byte offset of the first buffer. */
  readonly at: number;
  /** The number of its first line. */
  readonly line: number;
}

/**
 * Where the splitter is: at the `start` of a field, in a `plain` or `quoted` one, behind its closing `quote` (or
 * the first half of a doubled one), behind a `return` outside quotes, or in a `bad` row.
 */
type State = 'start' | 'plain' | 'quoted' | 'quote' | 'return' | 'bad';

/**
 * Finds where the rows of a CSV file begin and end (RFC 4180: line breaks within quotes do not count).
 *
 * A row at fault costs one line, and from there on everything is read as if nothing had happened. Where a quote
 * has taken lines along before the fault shows, it is most likely a stray one: the line on which the row
 * begins is at fault, and the lines behind it are read again, as rows. None is read more than twice:
 * between a stray quote and its fault, no line leaves a quote open when it is read by itself.
 */
export class RowSplitter {
  readonly #name: string;
  readonly #maxBytes: number;
  readonly #attention: Uint8Array = new Uint8Array(256);
  readonly #delimiter: number;
  readonly #lineEnd: LineEnd;
  #state: State = 'start';
  #fault: string | undefined;
  #at: number;
  #line: number;
  #rowLine: number;
  #carry: Buffer[] = [];
  #carryBytes = 0;

  constructor({ name, delimiter, lineEnd, maxBytes, at, line }: SplitStart) {
    this.#name = name;
    this.#delimiter = delimiter;
    this.#lineEnd = lineEnd;
    this.#maxBytes = maxBytes;
    this.#at = at;
    this.#line = line;
    this.#rowLine = line;
    for (const byte of [delimiter, QUOTE, FEED, RETURN]) this.#attention[byte] = 1;
  }

  /** Calls `onRow` for every row that ends in the buffer; empty lines are left out. */
  push(read: Buffer, onRow: (row: Row) => void): void {
    let buffer = read;
    let start = 0;
    for (let i = this.#skip(buffer, 0); i < buffer.length; i = this.#skip(buffer, i)) {
      const endsRow = this.#endsRow(buffer[i++]!);
      if (endsRow) {
        this.#emit(buffer.subarray(start, i), onRow);
        start = i;
      } else if (this.#hasSwallowedLines()) {
        this.#checkLength(this.#carryBytes + i - start);
        if (this.#carryBytes > 0) {
          buffer = Buffer.concat([...this.#carry, buffer.subarray(start)]);
          start = 0;
        }
        start = i = this.#giveUpLine(buffer, start, onRow);
      }
    }
    if (start === buffer.length) return;
    this.#carry.push(buffer.subarray(start));
    this.#carryBytes += buffer.length - start;
    this.#checkLength(this.#carryBytes);
  }

  end(onRow: (row: Row) => void): void {
    while (this.#state === 'quoted') {
      this.#fault = 'a quote is not closed before the end of the file';
      const buffer = Buffer.concat(this.#carry);
      this.push(buffer.subarray(this.#giveUpLine(buffer, 0, onRow)), onRow);
    }
    if (this.#carryBytes > 0) this.#emit(Buffer.alloc(0), onRow);
  }

  /** The index of the next byte that means something. */
  #skip(buffer: Buffer, from: number): number {
    const { length } = buffer;
    let i = from;
    if (this.#state === 'plain' || this.#state === 'start') {
      while (i < length && this.#attention[buffer[i]!] === 0) i++;
      if (i > from) this.#state = 'plain';
    } else if (this.#state === 'quoted') {
      while (i < length && buffer[i] !== QUOTE && buffer[i] !== this.#lineEnd) i++;
    }
    return i;
  }

  /** Takes one byte; whether it is the last of its row. */
  #endsRow(byte: number): boolean {
    if (byte === this.#lineEnd) {
      this.#line++;
      return this.#state !== 'quoted';
    }
    const isQuote = byte === QUOTE;
    switch (this.#state) {
      case 'start':
        if (isQuote) this.#state = 'quoted';
        else if (!this.#endsField(byte)) this.#spoil(FEED_IN_PLAIN);
        break;
      case 'plain':
        if (!this.#endsField(byte)) this.#spoil(isQuote ? QUOTE_IN_PLAIN : FEED_IN_PLAIN);
        break;
      case 'quoted':
        this.#state = 'quote';
        break;
      case 'quote':
        if (isQuote) this.#state = 'quoted';
        else if (!this.#endsField(byte)) {
          this.#spoil(`a closing quote is followed by ${describeByte(byte)}`);
        }
        break;
      case 'return':
        if (byte !== RETURN) this.#spoil('there is a carriage return outside quotes');
        break;
      case 'bad':
        break;
    }
    return false;
  }

  #endsField(byte: number): boolean {
    if (byte === this.#delimiter) this.#state = 'start';
    else if (byte === RETURN) this.#state = 'return';
    else return false;
    return true;
  }

  #spoil(fault: string): void {
    this.#fault = `${fault} on line ${this.#line}`;
    this.#state = 'bad';
  }

  #hasSwallowedLines(): boolean {
    return this.#state === 'bad' && this.#line > this.#rowLine;
  }

  /**
   * Gives up the first line of the row that begins at `start`, instead of all that it has swallowed.
   *
   * @returns where the next line begins
   */
  #giveUpLine(buffer: Buffer, start: number, onRow: (row: Row) => void): number {
    const found = buffer.indexOf(this.#lineEnd, start);
    const end = found === -1 ? buffer.length : found + 1;
    this.#carry = [];
    this.#carryBytes = 0;
    if (this.#line > this.#rowLine) {
      this.#line = this.#rowLine + 1;
      this.#fault += `; the lines from ${this.#line} on are read as rows`;
    }
    this.#emit(buffer.subarray(start, end), onRow);
    return end;
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
    if (isLineBreak(bytes)) return;
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

function isLineBreak(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== FEED && byte !== RETURN) return false;
  return true;
}
