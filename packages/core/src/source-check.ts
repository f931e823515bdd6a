import { LeatError } from './errors.ts';

/** What a checkpoint keeps of what the source gave. */
export interface SourceCheckpoint {
  /** The checksums of chunks from the watermark to `next`, each by its position, added up modulo 2^32. */
  readonly sum: number;
  /** Whether only settled chunks are in it; those of a ledger that was made anew from the sinks. */
  readonly isOfSettled?: boolean;
}

/**
 * Whether the source still gives what it gave: the same cursor must yield the same chunks, or records are
 * lost and doubled where chunks begin and end elsewhere. Each chunk has a checksum. The checkpoint keeps
 * their sum alone, so that its size does not follow the chunks in flight.
 */
export class SourceCheck {
  /** By position, the checksums of the chunks from the watermark on that were read in this life. */
  readonly #checksums = new Map<number, number>();
  /** What all of them add up to, each by its position. */
  #sum = 0;
  /** What those of them add up to that `#expected` has. */
  #compared = 0;
  /** What has to come out once everything is read again that was read before a restart, if it is known. */
  #expected: SourceCheckpoint | undefined;
  #isRecalling: boolean;

  /** @param isRecalling whether there is anything to read again that was read before a restart */
  constructor(restored: SourceCheckpoint | undefined, isRecalling: boolean) {
    this.#expected = isRecalling ? restored : undefined;
    this.#isRecalling = isRecalling;
  }

  /** Notes what the source gave. */
  read(seq: number, checksum: string, isSettled: boolean): void {
    const read = numberOf(checksum);
    const value = valueOf(seq, read);
    this.#checksums.set(seq, read);
    this.#sum = sumOf(this.#sum, value);
    if (isSettled || this.#expected?.isOfSettled !== true) {
      this.#compared = sumOf(this.#compared, value);
    }
  }

  /**
   * Says that everything is read again that was read before a restart.
   *
   * @throws LeatError `source-changed` if it is not what it was
   */
  confirm(): void {
    const expected = this.#expected;
    if (expected !== undefined && sumOf(expected.sum, -this.#compared) !== 0) {
      throw new LeatError(
        'source-changed',
        'The dataset is not what it was when the run began: chunks that had been sent are different now. Put it back to go on with the run, or begin a new one.',
      );
    }
    this.#expected = undefined;
    this.#isRecalling = false;
  }

  /** @throws LeatError `source-changed` if the source gave something else for this chunk */
  demandSame(seq: number, checksum: string | undefined): void {
    const known = this.#checksums.get(seq);
    if (checksum === undefined || known === undefined || numberOf(checksum) === known) return;
    throw new LeatError(
      'source-changed',
      `Chunk ${seq} of the dataset is not what it was when it was sent: the same cursor must yield the same chunks. Put the dataset back to go on with the run, or begin a new one.`,
    );
  }

  /** Notes that a chunk is settled, with what its receipt says of the source. */
  settle(seq: number, checksum: string | undefined): void {
    const expected = this.#expected;
    if (expected?.isOfSettled !== true) return;
    const read = this.#checksums.get(seq);
    const known = read ?? (checksum === undefined ? undefined : numberOf(checksum));
    // What is in the sum and what is settled must be the same; without it there is nothing to compare.
    if (known === undefined) this.#expected = undefined;
    else {
      const value = valueOf(seq, known);
      this.#expected = { ...expected, sum: sumOf(expected.sum, value) };
      if (read !== undefined) this.#compared = sumOf(this.#compared, value);
    }
  }

  /** Forgets the settled chunk, read in this life, that the watermark has passed. */
  pass(seq: number): void {
    const value = valueOf(seq, this.#checksums.get(seq) as number);
    this.#checksums.delete(seq);
    this.#sum = sumOf(this.#sum, -value);
    this.#compared = sumOf(this.#compared, -value);
    const expected = this.#expected;
    if (expected === undefined) return;
    this.#expected = { ...expected, sum: sumOf(expected.sum, -value) };
  }

  /** `undefined` where it is not known what was read before a restart, and not all is read again. */
  checkpoint(): SourceCheckpoint | undefined {
    return this.#isRecalling ? this.#expected : { sum: this.#sum };
  }
}

function numberOf(checksum: string): number {
  return Number.parseInt(checksum, 16);
}

/** By position, so that chunks which change places are noticed, too. */
function valueOf(seq: number, checksum: number): number {
  return Math.imul(checksum, 2 * seq + 1) >>> 0;
}

/** Modulo 2^32. */
function sumOf(a: number, b: number): number {
  return (a + b) >>> 0;
}
