import { LeatError } from './errors.ts';

/** What a checkpoint keeps of what the source gave. */
export interface SourceCheckpoint {
  /** The checksums of chunks from the watermark to `next`, added up. */
  readonly sum: number;
  /** Whether only settled chunks are in it; those of a ledger that was made anew from the sinks. */
  readonly isOfSettled?: boolean;
}

/** What sums are counted modulo: what a changed dataset takes away may be more than there was. */
const MODULUS = 2 ** 52;

/**
 * Whether the source still gives what it gave: the same cursor must yield the same chunks, or records are
 * lost and doubled where chunks begin and end elsewhere. Each chunk has a checksum. The checkpoint keeps
 * their sum alone, so that its size does not follow the chunks in flight.
 */
export class SourceCheck {
  /** By position, the checksums of the chunks from the watermark on that were read in this life. */
  readonly #checksums = new Map<number, number>();
  /** What all of them add up to. */
  #sum = 0;
  /** What those of them add up to that `#expected` has. */
  #compared = 0;
  /** What has to come out once everything is read again that was read before a restart. */
  #expected: SourceCheckpoint | undefined;

  constructor(restored: SourceCheckpoint | undefined) {
    this.#expected = restored;
  }

  /** Notes what the source gave. */
  read(seq: number, checksum: string, isSettled: boolean): void {
    const value = Number.parseInt(checksum, 16);
    this.#checksums.set(seq, value);
    this.#sum = wrapped(this.#sum + value);
    if (isSettled || this.#expected?.isOfSettled !== true) {
      this.#compared = wrapped(this.#compared + value);
    }
  }

  /**
   * Says that everything is read again that was read before a restart.
   *
   * @throws LeatError `source-changed` if it is not what it was
   */
  confirm(): void {
    const expected = this.#expected;
    if (expected === undefined) return;
    if (expected.sum !== this.#compared) {
      throw new LeatError(
        'source-changed',
        'The dataset is not what it was when the run began: chunks that had been sent are different now. Put it back to go on with the run, or begin a new one.',
      );
    }
    this.#expected = undefined;
  }

  /**
   * @param other the checksum to compare with, if not the one that was read
   * @throws LeatError `source-changed` if the source gave something else for this chunk
   */
  demandSame(seq: number, checksum: string | undefined, other?: string): void {
    const known = other === undefined ? this.#checksums.get(seq) : Number.parseInt(other, 16);
    if (checksum === undefined || known === undefined) return;
    if (Number.parseInt(checksum, 16) === known) return;
    throw new LeatError(
      'source-changed',
      `Chunk ${seq} of the dataset is not what it was when it was sent: the same cursor must yield the same chunks. Put the dataset back to go on with the run, or begin a new one.`,
    );
  }

  /** Forgets the settled chunk that the watermark has passed. */
  pass(seq: number): void {
    const value = this.#checksums.get(seq) ?? 0;
    this.#checksums.delete(seq);
    this.#sum = wrapped(this.#sum - value);
    this.#compared = wrapped(this.#compared - value);
    const expected = this.#expected;
    if (expected === undefined) return;
    this.#expected = { ...expected, sum: wrapped(expected.sum - value) };
  }

  checkpoint(): SourceCheckpoint {
    return this.#expected ?? { sum: this.#sum };
  }
}

function wrapped(sum: number): number {
  return (sum + MODULUS) % MODULUS;
}
