import {
  type ChunkInFlight,
  completedState,
  type DeathToll,
  deathTollOf,
  isEnded,
  type JsonValue,
  Ledger,
  type Receipt,
  reportOf,
  type RunProgress,
  type RunReport,
  type RunRequest,
  type RunState,
} from '@leat/core';
import type { SourceChunk } from '@leat/sdk';
import { RedriveBooks } from './redrive-books.ts';
import { demandResends } from './resends.ts';
import {
  type RunCheckpoint,
  type Standing,
  standingOf,
  type Witnessed,
  witnessedOf,
} from './run-checkpoint.ts';
import { checksumOf, countsOf } from './send.ts';

/** What became of the receipts of a message. */
export interface Taken {
  /** Whether one of them is of a chunk that has not been sent. */
  readonly isPremature: boolean;
  /** Whether they have settled anything. */
  readonly isNew: boolean;
  /** The executions whose dead letters count by them, those of receipts that came before included. */
  readonly executions: readonly string[];
}

/**
 * Everything that the fetcher knows of its run: the ledger, whether it is paused and why, and what its
 * replicas have noted. All who change something do it here, and so each change is seen by the
 * {@link Checkpointer}, which compares {@link changes}.
 */
export class RunBooks {
  /** The records that are tried again. */
  readonly redrives: RedriveBooks;
  readonly #request: RunRequest;
  readonly #ledger: Ledger;
  #standing: Standing;
  #witnessed: Witnessed;
  #changes = 0;

  /** @param progress what is written of the run */
  constructor(request: RunRequest, progress: RunProgress) {
    this.#request = request;
    this.#ledger = new Ledger(progress.ledger);
    this.redrives = new RedriveBooks(this.#ledger.redrives, () => this.#changed());
    this.#standing = standingOf(progress);
    this.#witnessed = witnessedOf(progress);
  }

  get run(): string {
    return this.#request.run;
  }

  /** Rises whenever the books are no longer as they were. */
  get changes(): number {
    return this.#changes;
  }

  /** The position of the first chunk that was never sent. */
  get next(): number {
    return this.#ledger.next;
  }

  /** Every chunk below this position is settled. */
  get watermark(): number {
    return this.#ledger.watermark;
  }

  /** Where the source reads the chunk at the watermark. */
  get cursor(): JsonValue {
    return this.#ledger.checkpoint().cursor;
  }

  /** Whether every chunk of the dataset has been sent. */
  get ended(): boolean {
    return this.#ledger.ended;
  }

  /** Whether the whole dataset is settled. */
  get isComplete(): boolean {
    return this.#ledger.isComplete;
  }

  get inFlightCount(): number {
    return this.#ledger.inFlightCount;
  }

  /** Bytes of the chunks in flight, as far as they are recalled. */
  get inFlightBytes(): number {
    return this.#ledger.inFlightBytes;
  }

  /** Chunks in flight, in dataset order, as far as they are recalled. */
  inFlight(): Iterable<ChunkInFlight> {
    return this.#ledger.inFlight();
  }

  /** How many records are settled, and how many of them are dead. */
  get toll(): DeathToll {
    return deathTollOf(this.#ledger.totals.counts);
  }

  /** The state in which the run ends if its dataset is complete. */
  get completedState(): RunState {
    return completedState(this.#ledger.checkpoint());
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Says whether the run is paused, and why. */
  setStanding(standing: Standing): void {
    this.#standing = standing;
    this.#changed();
  }

  get witnessed(): Witnessed {
    return this.#witnessed;
  }

  /** Says what the replicas have noted. */
  witness(witnessed: Witnessed): void {
    this.#witnessed = witnessed;
    this.#changed();
  }

  /**
   * Enters a chunk that an earlier fetcher has sent, with where it can be read.
   *
   * @throws LeatError `source-changed` if it is not what it was
   */
  recall(seq: number, chunk: SourceChunk): void {
    this.#enter(seq, chunk, performance.now());
  }

  /**
   * Enters the next chunk, which is about to be sent.
   *
   * @returns its position and checksum
   */
  send(chunk: SourceChunk): { readonly seq: number; readonly checksum: string } {
    const seq = this.#ledger.next;
    // Not sent before JetStream has it: until then nobody may find it lost.
    return { seq, checksum: this.#enter(seq, chunk, Number.POSITIVE_INFINITY) };
  }

  /**
   * Notes that a lost chunk is about to be sent again.
   *
   * @returns its checksum, and how often it was sent again; `undefined` if it is settled by now
   * @throws LeatError `run-failed` if it has been lost too often, `source-changed` if it is not what it was
   */
  resend(
    seq: number,
    chunk: SourceChunk,
  ): { readonly checksum: string; readonly resends: number } | undefined {
    if (this.#ledger.isSettled(seq)) return undefined;
    const resends = this.#ledger.resend(seq);
    demandResends(`Chunk ${seq}`, resends);
    const checksum = checksumOf(chunk);
    this.#ledger.demandSame(seq, checksum);
    return { checksum, resends };
  }

  /** Notes that JetStream has a chunk. */
  stored(seq: number, chunk: SourceChunk): void {
    this.#ledger.sent(seq, performance.now());
    if (chunk.records > 0) return;
    // Of a chunk that is all dead letters no saver sends a receipt.
    const counts = countsOf(chunk);
    this.#ledger.settle({ chunk: `${seq}`, counts, digest: '', fence: 0, buried: [] });
    this.#changed();
  }

  /**
   * Notes that the source has no more chunks.
   *
   * @throws LeatError `source-changed` if it had more before
   */
  end(): void {
    this.#ledger.end();
    this.#changed();
  }

  /**
   * Enters receipts.
   *
   * @throws LeatError `run-failed` or `source-changed` if one contradicts the books
   */
  take(receipts: readonly Receipt[]): Taken {
    let isPremature = false;
    let isNew = false;
    const executions: string[] = [];
    for (const receipt of receipts) {
      const settlement = this.#ledger.settle(receipt);
      if (settlement === 'premature') {
        isPremature = true;
        continue;
      }
      // Also of a receipt that comes again: it may not have been written down the first time.
      executions.push(...receipt.buried);
      isNew ||= settlement !== 'duplicate';
      this.#changed();
    }
    return { isPremature, isNew, executions };
  }

  /** What is to be written down. */
  checkpoint(): RunCheckpoint {
    return { ...this.#standing, ...this.#witnessed, ledger: this.#ledger.checkpoint() };
  }

  /** @param written what was written last; how a run has ended it alone says */
  report(written: RunProgress): RunReport {
    if (isEnded(written.state)) return reportOf(this.#request, written);
    const { fence, startedAt, updatedAt } = written;
    return reportOf(this.#request, { ...this.checkpoint(), fence, startedAt, updatedAt });
  }

  /** @param written what was written last @returns what will be reported of a run that is about to end */
  reportOfEnd({ fence, startedAt }: RunProgress, state: RunState, reason?: string): RunReport {
    const at = new Date().toISOString();
    const { reason: _, ...checkpoint } = this.checkpoint();
    const why = reason === undefined ? {} : { reason };
    const end = { state, ...why, fence, startedAt, updatedAt: at, endedAt: at };
    return reportOf(this.#request, { ...checkpoint, ...end });
  }

  /** @returns its checksum */
  #enter(seq: number, chunk: SourceChunk, sentAt: number): string {
    const { nextCursor, fraction, body } = chunk;
    const checksum = checksumOf(chunk);
    const { in: records } = countsOf(chunk);
    this.#ledger.send(seq, { records, bytes: body.length, nextCursor, fraction, checksum }, sentAt);
    this.#changed();
    return checksum;
  }

  #changed(): void {
    this.#changes++;
  }
}
