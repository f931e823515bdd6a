import type { RejectedInput } from '@leat/sdk';

/** How large a chunk may become. */
export interface ChunkLimits {
  /** Most records, counting rejected ones. */
  readonly chunkSize: number;
  /** Most bytes, counting the text of rejected records; a single larger record stands alone. */
  readonly maxBytes: number;
}

/** A chunk before it knows which file it comes from. */
export interface Cut {
  readonly body: Uint8Array;
  readonly records: number;
  /** The number of the first record, rejected or not. */
  readonly first: number;
  readonly origins?: readonly number[];
  readonly rejected?: readonly RejectedInput[];
  /** Where in the stream the last record ends. */
  readonly at: number;
  /** The number of the record that follows. */
  readonly next: number;
}

const NOTHING: Uint8Array = new Uint8Array();

/**
 * Gathers lines into chunks. A chunk is cut when the next record does not fit any more, so where the
 * cuts lie depends on the records alone and never on how the bytes happened to be read.
 *
 * Lines are not copied when they arrive: neighbours in one buffer grow one piece, and a chunk of one piece
 * is a view of that buffer. A buffer must therefore not be written to where a line was taken from it.
 */
export class ChunkBuilder {
  readonly #limits: ChunkLimits;
  #cuts: Cut[] = [];

  // The chunk that is being filled.
  #pieces: Uint8Array[] = [];
  #buffer: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  #records = 0;
  #bodyBytes = 0;
  #rawBytes = 0;
  #first = 0;
  #origins: number[] | undefined;
  #rejected: RejectedInput[] = [];
  #at = 0;
  #next: number | undefined;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  /**
   * Adds one line, `buffer[start, end)`, its `\n` included.
   *
   * @param number the record's number in its file
   * @param at where in the stream the record ends
   * @param next the number of the record that follows
   */
  addLine(
    buffer: Uint8Array,
    start: number,
    end: number,
    number: number,
    at: number,
    next: number,
  ): void {
    this.#makeRoom(end - start, number);
    const offset = number - this.#first;
    if (this.#origins === undefined && offset !== this.#records) {
      this.#origins = Array.from({ length: this.#records }, (_, i) => i);
    }
    this.#origins?.push(offset);
    if (buffer === this.#buffer && start === this.#end) {
      this.#end = end;
    } else {
      this.#closePiece();
      this.#buffer = buffer;
      this.#start = start;
      this.#end = end;
    }
    this.#records++;
    this.#bodyBytes += end - start;
    this.#at = at;
    this.#next = next;
  }

  /** Adds a record that could not be made into a line. */
  reject(raw: string, reason: string, number: number, at: number, next: number): void {
    const bytes = Buffer.byteLength(raw);
    this.#makeRoom(bytes, number);
    this.#rejected.push({ offset: number - this.#first, raw, reason });
    this.#rawBytes += bytes;
    this.#at = at;
    this.#next = next;
  }

  /** The number of the record that follows the last one added, if there was one. */
  get next(): number | undefined {
    return this.#next;
  }

  /** Whether nothing more fits into the chunk that is being filled. */
  get isFull(): boolean {
    const { chunkSize, maxBytes } = this.#limits;
    return this.#size >= chunkSize || this.#bodyBytes + this.#rawBytes >= maxBytes;
  }

  /** Ends the chunk that is being filled, if there is anything in it. */
  cut(): void {
    if (this.#size === 0) return;
    this.#closePiece();
    this.#cuts.push({
      body: this.#body(),
      records: this.#records,
      first: this.#first,
      ...(this.#origins === undefined ? {} : { origins: this.#origins }),
      ...(this.#rejected.length === 0 ? {} : { rejected: this.#rejected }),
      at: this.#at,
      next: this.#next ?? this.#first + 1,
    });
    this.#pieces = [];
    this.#records = 0;
    this.#bodyBytes = 0;
    this.#rawBytes = 0;
    this.#origins = undefined;
    this.#rejected = [];
  }

  /** Hands over the chunks that are complete. */
  takeCuts(): readonly Cut[] {
    const cuts = this.#cuts;
    if (cuts.length > 0) this.#cuts = [];
    return cuts;
  }

  get #size(): number {
    return this.#records + this.#rejected.length;
  }

  #makeRoom(bytes: number, number: number): void {
    const { chunkSize, maxBytes } = this.#limits;
    const total = this.#bodyBytes + this.#rawBytes + bytes;
    if (this.#size >= chunkSize || total > maxBytes) this.cut();
    if (this.#size === 0) this.#first = number;
  }

  #closePiece(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = NOTHING;
    this.#start = 0;
    this.#end = 0;
  }

  #body(): Uint8Array {
    const [only] = this.#pieces;
    if (only === undefined) return NOTHING;
    return this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces, this.#bodyBytes);
  }
}
