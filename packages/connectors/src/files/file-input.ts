import { type FileHandle, open } from 'node:fs/promises';
import { fromStart } from '@leat/sdk';
import { changed, damaged } from './damage.ts';
import type { ListedFile } from './file-list.ts';
import { gunzip } from './gunzip.ts';
import { unreadable } from './unreadable.ts';

/** Compressed bytes per read: small, because they become many. */
const GZIP_READ_BYTES = 64 * 1024;
const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** The bytes of a file from some offset on. */
export interface Content {
  /** The offset at which the buffers begin. */
  readonly at: number;
  /** Each buffer is fresh memory, the receiver's to keep and to write to. */
  readonly buffers: AsyncIterable<Buffer>;
}

/** A file that is open; plain or gzip, which is told by its first bytes or by its name. */
export class FileInput {
  readonly name: string;
  readonly isGzip: boolean;
  readonly #handle: FileHandle;
  readonly #bytes: number;
  readonly #readBytes: number;
  readonly #signal: AbortSignal;
  #consumed = 0;

  private constructor(
    file: ListedFile,
    handle: FileHandle,
    isGzip: boolean,
    readBytes: number,
    signal: AbortSignal,
  ) {
    this.name = file.name;
    this.isGzip = isGzip;
    this.#handle = handle;
    this.#bytes = file.bytes;
    this.#readBytes = readBytes;
    this.#signal = signal;
  }

  static async open(file: ListedFile, readBytes: number, signal: AbortSignal): Promise<FileInput> {
    let handle;
    try {
      handle = await open(fromStart(file.name), 'r');
    } catch (cause) {
      throw unreadable(file.name, cause);
    }
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      const hasMagic = bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
      const isGzip = hasMagic || (file.name.endsWith('.gz') && file.bytes > 0);
      return new FileInput(file, handle, isGzip, readBytes, signal);
    } catch (cause) {
      await handle.close();
      throw unreadable(file.name, cause);
    }
  }

  /** How many bytes have been read from the disk. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Reads the content from an offset; a byte order mark at the beginning is left out. */
  async contentFrom(at: number): Promise<Content> {
    const buffers = this.isGzip ? this.#unzipped(at) : this.#plain(at, this.#readBytes);
    if (at > 0) return { at, buffers };
    let head: Buffer = Buffer.alloc(0);
    while (head.length < UTF8_BOM.length) {
      const read = await buffers.next();
      if (read.done === true) break;
      head = head.length === 0 ? read.value : Buffer.concat([head, read.value]);
    }
    const [first, second] = head;
    if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
      await buffers.return();
      throw damaged(`${this.name} is UTF-16 text, and UTF-8 was expected: convert it first.`);
    }
    const skipped = head.subarray(0, UTF8_BOM.length).equals(UTF8_BOM) ? UTF8_BOM.length : 0;
    return { at: skipped, buffers: resumed(head.subarray(skipped), buffers) };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async *#plain(from: number, readBytes: number): AsyncGenerator<Buffer, void, undefined> {
    for (let at = from; at < this.#bytes;) {
      this.#signal.throwIfAborted();
      const length = Math.min(readBytes, this.#bytes - at);
      // Never from the pool and never used twice: chunks are views of these buffers.
      const buffer = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await this.#handle.read(buffer, 0, length, at);
      if (bytesRead === 0) {
        throw changed(
          `${this.name} had ${this.#bytes} bytes, and was cut to ${at} while it was read.`,
        );
      }
      at += bytesRead;
      this.#consumed = at;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** There is no seeking in gzip: it is decompressed from the start, and what comes before is dropped. */
  async *#unzipped(from: number): AsyncGenerator<Buffer, void, undefined> {
    const chunkBytes = Math.max(64, this.#readBytes);
    let skip = from;
    for await (const buffer of gunzip(this.#plain(0, GZIP_READ_BYTES), chunkBytes)) {
      if (skip < buffer.length) yield buffer.subarray(skip);
      skip = Math.max(0, skip - buffer.length);
    }
    if (skip > 0) throw changed(`${this.name} is shorter than it was, once decompressed.`);
  }
}

async function* resumed(
  head: Buffer,
  rest: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  if (head.length > 0) yield head;
  yield* rest;
}
