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
  /** Every chunk that was read in this life and is not settled, in dataset order. */
  readonly #unsettled = new Map<number, { readonly checksum: number; readonly before: number }>();
  /** What everything that was read in this life adds up to. */
  #total = 0;
  /** What that part of it adds up to that `#expected` has. */
  #compared = 0;
  /** What has to come out once everything is read again that was read before a restart, if it is known. */
  #expected: SourceCheckpoint | undefined;
  #isRecalling: boolean;

  /** @param isRecalling whether there is anything to read again that was read before a restart */
  constructor(restored: SourceCheckpoint | undefined, isRecalling: boolean) {
    this.#expected = isRecalling ? restored : undefined;
    this.#isRecalling = isRecalling;
  }

  /**
   * Notes what the source gave.
   *
   * @param isLast whether it is the last chunk that was read before a restart
   * @throws LeatError `source-changed` if all of it is not what it was; nothing is noted then
   */
  read(seq: number, text: string, isSettled: boolean, isLast: boolean): void {
    const checksum = numberOf(text);
    const value = valueOf(seq, checksum);
    const expected = this.#expected;
    const isCompared = isSettled || expected?.isOfSettled !== true;
    const compared = sumOf(this.#compared, isCompared ? value : 0);
    if (isLast && expected !== undefined && sumOf(expected.sum, -compared) !== 0) {
      throw new LeatError(
        'source-changed',
        'The dataset is not what it was when the run began, or the pipeline file reads it otherwise: chunks that had been sent are different now. Put it back to go on with the run, or begin a new one.',
      );
    }
    if (!isSettled) this.#unsettled.set(seq, { checksum, before: this.#total });
    this.#total = sumOf(this.#total, value);
    this.#compared = compared;
    if (!isLast) return;
    this.#expected = undefined;
    this.#isRecalling = false;
  }

  /**
   * @param other the checksum to compare with, if not the one that was read
   * @throws LeatError `source-changed` if the source gave something else for a chunk that is not settled
   */
  demandSame(seq: number, checksum: string | undefined, other?: string): void {
    const known = other === undefined ? this.#unsettled.get(seq)?.checksum : numberOf(other);
    if (checksum === undefined || known === undefined || numberOf(checksum) === known) return;
    throw new LeatError(
      'source-changed',
      `Chunk ${seq} of the dataset is not what it was when it was sent: the same cursor must yield the same chunks. Put the dataset, and how the pipeline file reads it, back to go on with the run, or begin a new one.`,
    );
  }

  /** Notes that a chunk is settled, with what its receipt says of the source. */
  settle(seq: number, text: string | undefined): void {
    const read = this.#unsettled.get(seq)?.checksum;
    this.#unsettled.delete(seq);
    const expected = this.#expected;
    if (expected?.isOfSettled !== true) return;
    const known = read ?? (text === undefined ? undefined : numberOf(text));
    // What is in the sum and what is settled must be the same; without it there is nothing to compare.
    if (known === undefined) this.#expected = undefined;
    else {
      const value = valueOf(seq, known);
      this.#expected = { ...expected, sum: sumOf(expected.sum, value) };
      if (read !== undefined) this.#compared = sumOf(this.#compared, value);
    }
  }

  /** `undefined` where it is not known what was read before a restart, and not all is read again. */
  checkpoint(): SourceCheckpoint | undefined {
    // All that was read below the watermark, which is the first chunk that is not settled.
    const passed = this.#unsettled.values().next().value?.before ?? this.#total;
    if (!this.#isRecalling) return { sum: sumOf(this.#total, -passed) };
    const expected = this.#expected;
    return expected && { ...expected, sum: sumOf(expected.sum, -passed) };
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
