/** Chunks are views of slabs, so a slab lives as long as the slowest chunk in it. */
const SLAB_BYTES = 256 * 1024;
const NEWLINE = 10;

/**
 * Writes lines of text one behind the other into slabs of memory, so that the lines of a chunk lie
 * side by side and need no further copy. A slab is never written to twice.
 */
export class LineEncoder {
  #slab: Buffer = Buffer.alloc(0);
  #end = 0;
  #start = 0;

  get buffer(): Uint8Array {
    return this.#slab;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Writes `text` and `\n`; they are `buffer[start, end)` until the next call. */
  encode(text: string): void {
    // A UTF-16 unit becomes at most three bytes; only near the end of a slab is it worth counting.
    if (text.length * 3 >= this.#slab.length - this.#end) {
      const bytes = Buffer.byteLength(text) + 1;
      if (bytes > this.#slab.length - this.#end) {
        this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
        this.#end = 0;
      }
    }
    this.#start = this.#end;
    this.#end += this.#slab.write(text, this.#end);
    this.#slab[this.#end++] = NEWLINE;
  }
}
