import type { ChunkBuilder } from '../chunk-builder.ts';
import { damaged, describeBytes } from './damage.ts';
import type { RecordScanner, ScanStart } from './file-source.ts';

const NEWLINE = 10;
const NEWLINE_BYTES: Buffer = Buffer.from('\n');

/** Cuts text at its line breaks. Lines are not looked into, beyond whether they are blank. */
export class LineScanner implements RecordScanner {
  readonly #name: string;
  readonly #builder: ChunkBuilder;
  readonly #maxBytes: number;
  #at: number;
  #line: number;
  /** The beginning of a line whose end has not been read. */
  #carry: Buffer[] = [];
  #carryBytes = 0;

  constructor({ input, at, next, maxRecordBytes, builder }: ScanStart) {
    this.#name = input.name;
    this.#builder = builder;
    this.#maxBytes = maxRecordBytes;
    this.#at = at;
    this.#line = next ?? 1;
  }

  push(buffer: Buffer): void {
    let start = 0;
    for (let end; (end = buffer.indexOf(NEWLINE, start)) !== -1; start = end + 1) {
      if (this.#carry.length === 0) {
        this.#add(buffer, start, end + 1);
      } else {
        this.#carry.push(buffer.subarray(0, end + 1));
        this.#addCarry();
      }
    }
    if (start === buffer.length) return;
    this.#carry.push(buffer.subarray(start));
    this.#carryBytes += buffer.length - start;
    if (this.#carryBytes > this.#maxBytes) throw this.#tooLong();
  }

  end(): void {
    if (this.#carry.length === 0) return;
    if (this.#line === 1) this.#expectLineFeeds(Buffer.concat(this.#carry));
    this.#carry.push(NEWLINE_BYTES);
    this.#at -= 1; // It is not in the file.
    this.#addCarry();
  }

  /** A file without any line feed is one record, or else its lines end in another way. */
  #expectLineFeeds(all: Buffer): void {
    const text = all.toString().trim();
    if (!text.includes('\r') || isJson(text)) return;
    throw damaged(
      `${this.#name} has carriage returns and no line feed, and a line feed was expected behind each record: convert its line ends first.`,
    );
  }

  #addCarry(): void {
    const line = Buffer.concat(this.#carry);
    this.#carry = [];
    this.#carryBytes = 0;
    this.#add(line, 0, line.length);
  }

  #add(buffer: Buffer, start: number, end: number): void {
    if (end - start - 1 > this.#maxBytes) throw this.#tooLong();
    const line = this.#line++;
    this.#at += end - start;
    if (isBlank(buffer, start)) return;
    this.#builder.addLine(buffer, start, end, line, this.#at, line + 1);
  }

  #tooLong(): Error {
    return damaged(
      `Line ${this.#line} of ${this.#name} is longer than ${describeBytes(this.#maxBytes)}: is it newline-delimited JSON? If it is, raise maxRecordBytes.`,
    );
  }
}

/** Whether a line holds only what JSON calls whitespace. It ends with `\n`, so the search ends there. */
function isBlank(buffer: Buffer, start: number): boolean {
  for (let i = start; ; i++) {
    const byte = buffer[i];
    if (byte === NEWLINE) return true;
    if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
