import { MAX_SLOTS, movingAverage, wantedSlots } from '@leat/core';
import { Slots } from '@leat/runtime';

/** Adapts how many chunks a mapper holds to how long it needs for one, and to how many records they have. */
export class Pace {
  readonly slots: Slots;
  readonly #leastParallel: number;
  readonly #concurrency: number;
  #chunkRecords: number | undefined;
  #chunkMs: number | undefined;
  #lastDoneAt = 0;
  /** How many chunks the inline stages have. */
  #below = 0;
  /** How many chunks have few records left, which wait to be tried again. */
  #waiting = 0;

  /**
   * @param parallel how many chunks of the usual size can be worked on at the same time
   * @param concurrency how many records can, if chunks share them: a redrive's chunks have one record each
   * @defaultValue 0: as many chunks as `parallel`, whatever their size
   */
  constructor(parallel: number, concurrency = 0) {
    this.#leastParallel = parallel;
    this.#concurrency = concurrency;
    this.slots = new Slots(parallel, 1);
  }

  /** A chunk with so many records has come. */
  came(records: number): void {
    const before = this.#parallel;
    this.#chunkRecords = ((this.#chunkRecords ?? records) + records) / 2;
    if (this.#parallel !== before) this.#setLimit();
  }

  /**
   * A chunk is done.
   *
   * @param startedAt when it came in hand, by `performance.now()`
   */
  done(startedAt: number): void {
    const now = performance.now();
    const sinceLastMs = now - Math.max(startedAt, this.#lastDoneAt);
    this.#lastDoneAt = now;
    this.#chunkMs = movingAverage(this.#chunkMs, sinceLastMs * this.#parallel);
    this.#setLimit();
  }

  /**
   * A chunk is done here, and inline stages have it next: up to 64 of those count for nothing, so that a sink has
   * groups of chunks to commit, however slowly it does so.
   *
   * @param startedAt as of {@link done}
   */
  handsOver(startedAt: number): void {
    this.#below++;
    this.done(startedAt);
  }

  /** The inline stages are done with a chunk, in whatever way. */
  handedOver(): void {
    this.#below--;
    this.#setLimit();
  }

  /** Few records of a chunk wait to be tried again: it counts for nothing, as one that inline stages have. */
  waits(): void {
    this.#waiting++;
    this.#setLimit();
  }

  /** The chunk that {@link waits} was called for is done, or counts again. */
  waited(): void {
    this.#waiting--;
    this.#setLimit();
  }

  /** How many chunks can be worked on at the same time. */
  get #parallel(): number {
    const records = Math.max(1, this.#chunkRecords ?? this.#concurrency);
    return Math.max(this.#leastParallel, Math.ceil(this.#concurrency / records));
  }

  #setLimit(): void {
    const wanted = wantedSlots(this.#parallel, this.#chunkMs);
    // What is held ahead may run low before more is asked for; what is worked on may not.
    const idle = Math.min(this.#below + this.#waiting, MAX_SLOTS);
    this.slots.setLimit(wanted + idle, (wanted - this.#parallel) >> 2);
  }
}
