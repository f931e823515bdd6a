import type { ChunkBuilder } from '../chunk-builder.ts';
import { damaged, describeByte, describeBytes } from './damage.ts';
import { compactJson } from './compact-json.ts';
import type { RecordScanner, ScanStart } from './file-source.ts';

const NEWLINE = 10;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const IS_SPACE: Uint8Array = tableOf(' \t\n\r');
/** What a JSON value can begin with. */
const BEGINS_VALUE: Uint8Array = tableOf('{["-0123456789tfn');
/** What ends a run of bytes that need no attention: within an element, within a string, within a scalar. */
const ATTENTION: Uint8Array = tableOf('"{}[]\n');
const ATTENTION_IN_STRING: Uint8Array = tableOf('"\\\n');
const ENDS_SCALAR: Uint8Array = tableOf(',]}{["\t\n\r ');

function tableOf(bytes: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(bytes)) table[byte] = 1;
  return table;
}

/**
 * Where the scanner is:
 *
 * - `begin`: before the `[`; `first`: after it; `value`: after a comma; `after`: after an element;
 * - `nested`, `string`, `escape`, `scalar`: within an element;
 * - `done`: after the `]`.
 */
type State =
  | 'begin'
  | 'first'
  | 'value'
  | 'after'
  | 'nested'
  | 'string'
  | 'escape'
  | 'scalar'
  | 'done';

/**
 * Finds the elements of one JSON array by their brackets, strings and commas, and ships their bytes
 * without parsing them. It answers for the array: brackets, commas, beginning and end. What is wrong
 * within an element, such as `{"a":tru}`, is for the one who parses it.
 */
export class ElementScanner implements RecordScanner {
  readonly #name: string;
  readonly #builder: ChunkBuilder;
  readonly #maxBytes: number;
  #state: State;
  #element: number;
  /** The offset of the buffer that is being scanned. */
  #base: number;

  // The element that is being scanned.
  #elementAt = 0;
  #carry: Buffer[] = [];
  #depth = 0;
  /** The bracket that closes each level. */
  #closers: Uint8Array = new Uint8Array(64);
  #hasNewline = false;
  #hasNewlineInString = false;

  constructor({ input, at, next, maxRecordBytes, builder }: ScanStart) {
    this.#name = input.name;
    this.#builder = builder;
    this.#maxBytes = maxRecordBytes;
    this.#base = at;
    this.#element = next ?? 0;
    // A cursor points behind an element; the beginning of a file has none.
    this.#state = next === undefined ? 'begin' : 'after';
  }

  push(buffer: Buffer): void {
    const { length } = buffer;
    for (let i = 0; i < length;) {
      if (this.#isWithinElement()) {
        const start = i;
        i = this.#scanElement(buffer, i);
        if (this.#isWithinElement()) this.#keep(buffer, start);
        else i = this.#emit(buffer, start, i);
      } else if (this.#between(buffer[i]!, this.#base + i)) {
        i++;
      }
    }
    this.#base += length;
  }

  end(): void {
    if (this.#state === 'done' || this.#state === 'begin') return;
    throw damaged(
      this.#isWithinElement()
        ? `${this.#name} is cut short: it ends at byte ${this.#base}, within element ${this.#element}, which begins at byte ${this.#elementAt}.`
        : `${this.#name} is cut short: it ends at byte ${this.#base}, after ${this.#element} elements, without the closing "]".`,
    );
  }

  #isWithinElement(): boolean {
    const state = this.#state;
    return state === 'nested' || state === 'string' || state === 'escape' || state === 'scalar';
  }

  /** Takes one byte between elements; `false` if it is the first of an element and has to be read again. */
  #between(byte: number, at: number): boolean {
    if (IS_SPACE[byte] === 1) return true;
    const state = this.#state;
    if (state === 'begin') {
      if (byte !== OPEN_ARRAY) {
        const hint =
          byte === OPEN_OBJECT ? ' If it has one object a line, use ndjsonSource().' : '';
        throw this.#unexpected('an array ("[")', byte, at, hint);
      }
      this.#state = 'first';
    } else if (state === 'done') {
      throw this.#unexpected('nothing after the closing "]"', byte, at);
    } else if (byte === CLOSE_ARRAY && state !== 'value') {
      this.#state = 'done';
    } else if (state === 'after') {
      if (byte !== COMMA) {
        throw this.#unexpected(`"," or "]" after element ${this.#element - 1}`, byte, at);
      }
      this.#state = 'value';
    } else {
      if (BEGINS_VALUE[byte] === 0) throw this.#unexpected(`element ${this.#element}`, byte, at);
      this.#elementAt = at;
      this.#state =
        byte === QUOTE || byte === OPEN_ARRAY || byte === OPEN_OBJECT ? 'nested' : 'scalar';
      return false;
    }
    return true;
  }

  /**
   * Scans on within an element, to its end or to that of the buffer.
   *
   * @returns the index behind the last byte that belongs to the element
   */
  #scanElement(buffer: Buffer, from: number): number {
    const { length } = buffer;
    let i = from;
    if (this.#state === 'scalar') {
      while (i < length && ENDS_SCALAR[buffer[i]!] === 0) i++;
      if (i < length) this.#state = 'after';
      return i;
    }
    for (;;) {
      if (this.#state === 'escape' && i < length) {
        if (buffer[i] === NEWLINE) this.#hasNewlineInString = true;
        i++;
        this.#state = 'string';
      }
      if (this.#state === 'string') {
        while (i < length && ATTENTION_IN_STRING[buffer[i]!] === 0) i++;
        if (i >= length) return i;
        const byte = buffer[i++];
        if (byte === BACKSLASH) {
          this.#state = 'escape';
          continue;
        } else if (byte === NEWLINE) {
          this.#hasNewlineInString = true;
          continue;
        }
        this.#state = this.#depth === 0 ? 'after' : 'nested';
        if (this.#depth === 0) return i;
      }
      while (i < length && ATTENTION[buffer[i]!] === 0) i++;
      if (i >= length) return i;
      const byte = buffer[i]!;
      if (byte === QUOTE) this.#state = 'string';
      else if (byte === NEWLINE) this.#hasNewline = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#open(byte);
      else this.#close(byte, this.#base + i);
      i++;
      if (this.#depth === 0 && byte !== QUOTE) {
        this.#state = 'after';
        return i;
      }
    }
  }

  #open(byte: number): void {
    if (this.#depth === this.#closers.length) {
      const larger = new Uint8Array(this.#depth * 2);
      larger.set(this.#closers);
      this.#closers = larger;
    }
    this.#closers[this.#depth++] = byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
  }

  #close(byte: number, at: number): void {
    const expected = this.#closers[--this.#depth]!;
    if (byte === expected) return;
    throw this.#unexpected(`${describeByte(expected)} in element ${this.#element}`, byte, at);
  }

  /** Keeps the beginning of an element for when the rest has been read. */
  #keep(buffer: Buffer, start: number): void {
    this.#carry.push(buffer.subarray(start));
    this.#checkLength(this.#base + buffer.length);
  }

  /**
   * Ships the element that ends at `end`.
   *
   * @returns the index of the next byte to scan
   */
  #emit(buffer: Buffer, start: number, end: number): number {
    const at = this.#base + end;
    this.#checkLength(at);
    const element = this.#element++;
    if (this.#hasNewlineInString) {
      const raw = Buffer.concat([...this.#carry, buffer.subarray(start, end)]).toString();
      this.#builder.reject(raw, 'a string has a line break in it', element, at, element + 1);
      this.#reset();
      return end;
    }
    if (this.#carry.length > 0 || this.#hasNewline || end === buffer.length) {
      const line = Buffer.concat([...this.#carry, buffer.subarray(start, end), Buffer.of(NEWLINE)]);
      const length = this.#hasNewline ? compactJson(line.subarray(0, -1)) : line.length - 1;
      line[length] = NEWLINE;
      this.#builder.addLine(line, 0, length + 1, element, at, element + 1);
      this.#reset();
      return end;
    }
    // The byte behind the element is looked at now and gives its place to the line break: in a
    // compact array that makes lines of the elements where they lie, and no byte is copied.
    const behind = buffer[end]!;
    buffer[end] = NEWLINE;
    this.#builder.addLine(buffer, start, end + 1, element, at, element + 1);
    this.#between(behind, at);
    return end + 1;
  }

  #reset(): void {
    this.#carry = [];
    this.#hasNewline = false;
    this.#hasNewlineInString = false;
  }

  #checkLength(endsAt: number): void {
    if (endsAt - this.#elementAt <= this.#maxBytes) return;
    throw damaged(
      `Element ${this.#element} of ${this.#name}, which begins at byte ${this.#elementAt}, is longer than ${describeBytes(this.#maxBytes)}: a quote or bracket may be missing. If it is right, raise maxRecordBytes.`,
    );
  }

  #unexpected(expected: string, byte: number, at: number, hint = ''): Error {
    return damaged(
      `${this.#name} is not a JSON array: expected ${expected}, found ${describeByte(byte)} at byte ${at}.${hint}`,
    );
  }
}
