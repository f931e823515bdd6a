import { parseChunkId, type Redriven, redrivenOf } from './chunk-id.ts';
import { addCounts, type Counts, NO_COUNTS, recordsOf } from './counts.ts';
import { addDigest } from './digest.ts';
import { contradicts, dividedTwice, learn } from './division.ts';
import { LeatError } from './errors.ts';
import { type ChunkInFlight, InFlight } from './in-flight.ts';
import type { JsonValue } from './json.ts';
import { FIRST_CHECKPOINT, type LedgerCheckpoint, type Totals } from './ledger-checkpoint.ts';
import { leafOutcome, settleLeaf } from './lineage.ts';
import { partlyCheckpoint, partlyFrom, type PartlyInHand, partlyOf } from './partly.ts';
import { RangeSet } from './range-set.ts';
import type { Receipt } from './receipt.ts';
import { Redrives } from './redrives.ts';
import { SourceCheck } from './source-check.ts';

/** What a receipt changed. `premature` is a receipt for a chunk that was never sent: it is ignored. */
export type Settlement = 'settled' | 'part' | 'duplicate' | 'premature';

/**
 * The fetcher's set of chunks by state. A chunk is ahead (never sent), in flight, or settled; settled
 * chunks are a watermark plus the ranges above it. It is a set and never a counter: a receipt that comes
 * twice, or out of order, or again after a crash, changes nothing.
 *
 * Chunks are sent in dataset order. After a restart the ledger knows which chunks are in flight but not
 * where to read them, so the fetcher reads on from the watermark and `send`s them again to the ledger
 * first. Receipts may arrive meanwhile. Until a chunk has been recalled in this way the watermark does not
 * pass it, even if it is settled, because the watermark is only of use with the cursor that belongs to it.
 */
export class Ledger {
  /** The records that are tried again. */
  readonly redrives: Redrives;
  #watermark: number;
  #next: number;
  #ended: boolean;
  /** How far this ledger has been told where to read: the position that `#nextCursor` belongs to. */
  #head: number;
  #nextCursor: JsonValue;
  /** Share of the dataset that was read, up to `#head`. */
  #readFraction: number | undefined;
  readonly #restoredFraction: number | null;
  readonly #settledAbove: RangeSet;
  readonly #inFlight = new InFlight();
  readonly #partly: Map<number, PartlyInHand>;
  readonly #source: SourceCheck;
  #totals: Totals;
  #digest: string;

  constructor(checkpoint: LedgerCheckpoint = FIRST_CHECKPOINT) {
    this.#watermark = checkpoint.watermark;
    this.#next = checkpoint.next;
    this.#ended = checkpoint.ended;
    this.#head = checkpoint.watermark;
    this.#nextCursor = checkpoint.cursor;
    this.#restoredFraction = checkpoint.fraction;
    this.#settledAbove = new RangeSet(checkpoint.settledAbove);
    this.#partly = partlyFrom(checkpoint.partly);
    this.redrives = new Redrives(checkpoint.redrives);
    this.#source = new SourceCheck(checkpoint.source, checkpoint.watermark < checkpoint.next);
    this.#totals = checkpoint.totals;
    this.#digest = checkpoint.digest;
  }

  /** Every chunk below this position is settled, and it is known where to read the chunk at it. */
  get watermark(): number {
    return this.#watermark;
  }

  /** The position of the first chunk that was never sent. */
  get next(): number {
    return this.#next;
  }

  /** Whether every chunk of the dataset has been sent. */
  get ended(): boolean {
    return this.#ended;
  }

  get totals(): Totals {
    return this.#totals;
  }

  get inFlightCount(): number {
    return this.#next - this.#totals.savedChunks - this.#totals.deadChunks;
  }

  /** Whether the whole dataset is settled. */
  get isComplete(): boolean {
    return this.#ended && this.#settledAbove.endFrom(this.#watermark) === this.#next;
  }

  /** Bytes of the chunks in flight; after a restart, of those of them that have been recalled. */
  get inFlightBytes(): number {
    return this.#inFlight.bytes;
  }

  /** Chunks in flight, in dataset order; after a restart, those of them that have been recalled. */
  inFlight(): Iterable<ChunkInFlight> {
    return this.#inFlight.values();
  }

  isSettled(seq: number): boolean {
    return seq < this.#watermark || this.#settledAbove.has(seq);
  }

  /**
   * Notes that a chunk goes out, or, for one that had gone out before a restart, where it can be read.
   * To be called once for each chunk in dataset order, before its first receipt can arrive; after a
   * restart, from the watermark on.
   *
   * @param chunk.bytes of its body; 0 by default
   * @param chunk.nextCursor where the source goes on after this chunk
   * @param chunk.fraction share of the dataset at the end of this chunk, from 0 to 1
   * @param chunk.checksum see `Receipt.source`
   * @param sentAt when it was put on its queues, in milliseconds by the caller's clock; infinite until it is
   * @throws LeatError `source-changed` if the order is broken, or the chunks that had been sent before a
   *   restart are not what they were
   */
  send(
    seq: number,
    chunk: {
      readonly records: number;
      readonly bytes?: number;
      readonly nextCursor: JsonValue;
      readonly fraction: number | undefined;
      readonly checksum: string;
    },
    sentAt: number,
  ): void {
    if (seq !== this.#head) {
      throw new LeatError(
        'source-changed',
        `The source gave chunk ${seq} where the ledger expects chunk ${this.#head}.`,
      );
    }
    const isSettled = this.#settledAbove.has(seq);
    // Before anything is changed: the last checkpoint must have the cursor of the chunk at the watermark.
    this.#source.read(seq, chunk.checksum, isSettled, seq + 1 === this.#next);
    if (!isSettled) {
      const { records, bytes = 0 } = chunk;
      this.#inFlight.add({ seq, cursor: this.#nextCursor, records, bytes, sentAt });
    }
    this.#nextCursor = chunk.nextCursor;
    this.#readFraction = chunk.fraction;
    this.#head++;
    this.#next = Math.max(this.#next, this.#head);
    this.#advance();
  }

  /** @throws LeatError `source-changed` if a chunk that was read again is not what it was */
  demandSame(seq: number, checksum: string): void {
    this.#source.demandSame(seq, checksum);
  }

  /** Notes when a chunk was put on its queues, for the first time or again. */
  sent(seq: number, now: number): void {
    this.#inFlight.sent(seq, now);
  }

  /** Notes that a chunk is about to be sent again. @returns how often it was, this time included */
  resend(seq: number): number {
    return this.#inFlight.resend(seq);
  }

  /**
   * Notes that the source has no more chunks.
   *
   * @throws LeatError `source-changed` if it ends before a chunk that had been sent before a restart
   */
  end(): void {
    if (this.#head < this.#next) {
      throw new LeatError(
        'source-changed',
        `The source ended before chunk ${this.#head}, and chunks up to ${this.#next - 1} had been sent.`,
      );
    }
    this.#ended = true;
  }

  /**
   * Takes a receipt, whenever and however often it comes.
   *
   * @throws LeatError `run-failed` if a root is whole and its books do not add up to what was sent, or
   *   if it was divided in two different ways; `source-changed` if it comes from another chunk than the
   *   source gives now; the ledger is then as it was before
   */
  settle(receipt: Receipt): Settlement {
    const id = parseChunkId(receipt.chunk);
    if (id === undefined) return 'premature';
    const redriven = redrivenOf(id);
    if (redriven !== undefined) return this.#settleRedriven(redriven, receipt);
    if (id.seq >= this.#next) return 'premature';
    this.#source.demandSame(id.seq, receipt.source);
    if (this.isSettled(id.seq)) return this.#ignore();
    const root = this.#partly.get(id.seq) ?? partlyOf(receipt);
    // Some leaves may be of another life, which read another dataset.
    this.#source.demandSame(id.seq, receipt.source, root.source);
    const outcome = leafOutcome(root.paths, id.path);
    if (outcome === 'duplicate') return this.#ignore();
    const counts = addCounts(root.counts, receipt.counts);
    const isMixed = outcome === 'overlap' || contradicts(root.divisions, id.path, receipt.division);
    if (isMixed || outcome === 'whole') this.#checkBooks(id.seq, counts, isMixed);
    this.#enter(receipt.counts, receipt.digest);
    if (outcome === 'part') {
      settleLeaf(root.paths, id.path);
      learn(root.divisions, id.path, receipt.division, root.paths);
      root.counts = counts;
      this.#partly.set(id.seq, root);
      return 'part';
    }
    this.#partly.delete(id.seq);
    this.#source.settle(id.seq, receipt.source);
    this.#settleRoot(id.seq, counts);
    return 'settled';
  }

  #settleRedriven(redriven: Redriven, receipt: Receipt): Settlement {
    const counts = this.redrives.settle(redriven, receipt);
    if (counts === undefined) return this.#ignore();
    // Never below none: an execution that did not count may have buried others than the one that did.
    const excess = Math.max(0, -this.#totals.counts.dead - counts.dead);
    this.#enter(addCounts(counts, { ...NO_COUNTS, in: excess, dead: excess }), receipt.digest);
    const { savedChunks, deadChunks } = this.#totals;
    // Which root a record belonged to is not kept; where nothing is dead any more, no chunk is.
    if (this.#totals.counts.dead === 0) {
      this.#totals = { ...this.#totals, savedChunks: savedChunks + deadChunks, deadChunks: 0 };
    }
    return counts.in < receipt.counts.in ? 'settled' : 'part';
  }

  #enter(counts: Counts, digest: string): void {
    this.#digest = addDigest(this.#digest, digest);
    this.#totals = { ...this.#totals, counts: addCounts(this.#totals.counts, counts) };
  }

  checkpoint(): LedgerCheckpoint {
    const first = this.#inFlight.get(this.#watermark);
    const source = this.#source.checkpoint();
    return {
      watermark: this.#watermark,
      cursor: first === undefined ? this.#nextCursor : first.cursor,
      next: this.#next,
      ended: this.#ended,
      fraction: this.#settledFraction(),
      settledAbove: this.#settledAbove.toRanges(),
      partly: partlyCheckpoint(this.#partly),
      ...(this.redrives.size > 0 && { redrives: this.redrives.checkpoint() }),
      ...(source !== undefined && { source }),
      totals: this.#totals,
      digest: this.#digest,
    };
  }

  /** Takes chunks to be of one size: what was read, less the part of it that is in flight. */
  #settledFraction(): number | null {
    if (this.isComplete) return 1;
    if (this.#next === 0 || this.#head < this.#next) return this.#restoredFraction;
    if (this.#readFraction === undefined) return null;
    return this.#readFraction * ((this.#next - this.inFlightCount) / this.#next);
  }

  #ignore(): 'duplicate' {
    this.#totals = { ...this.#totals, duplicates: this.#totals.duplicates + 1 };
    return 'duplicate';
  }

  #checkBooks(seq: number, counts: Counts, isMixed: boolean): void {
    if (isMixed) throw dividedTwice(`Chunk ${seq}`);
    const sent = this.#inFlight.get(seq);
    if (sent !== undefined && counts.in !== sent.records) {
      throw new LeatError(
        'run-failed',
        `Chunk ${seq} was sent with ${sent.records} records and its receipts account for ${counts.in}.`,
      );
    }
  }

  #settleRoot(seq: number, counts: Counts): void {
    const isDead = counts.dead > 0 && recordsOf(counts) + counts.filtered === 0;
    const { savedChunks, deadChunks } = this.#totals;
    this.#totals = isDead
      ? { ...this.#totals, deadChunks: deadChunks + 1 }
      : { ...this.#totals, savedChunks: savedChunks + 1 };
    this.#inFlight.delete(seq);
    this.#settledAbove.add(seq);
    this.#advance();
  }

  #advance(): void {
    this.#watermark = this.#settledAbove.takeFrom(this.#watermark, this.#head);
  }
}
