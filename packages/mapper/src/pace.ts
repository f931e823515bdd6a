import { movingAverage, wantedSlots } from '@leat/core';
import { Slots } from '@leat/runtime';

/** Adapts how many chunks a mapper holds to how long it needs for one. */
export class Pace {
  readonly slots: Slots;
  readonly #parallel: number;
  #chunkMs: number | undefined;
  #lastDoneAt = 0;

  /** @param parallel how many chunks can be worked on at the same time */
  constructor(parallel: number) {
    this.#parallel = parallel;
    this.slots = new Slots(parallel, 1);
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
    const wanted = wantedSlots(this.#parallel, this.#chunkMs);
    // What is held ahead may run low before more is asked for; what is worked on may not.
    this.slots.setLimit(wanted, (wanted - this.#parallel) >> 2);
  }
}
