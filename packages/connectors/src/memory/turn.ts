import { setImmediate } from 'node:timers/promises';

/** Long enough to cost nothing, short enough that nobody waits. */
const TURN_MS = 5;

/**
 * Lets timers and sockets have their turn now and then. A source that computes its records never waits for
 * anything, so without it an abort could not arrive.
 */
export class Turns {
  #last: number = performance.now();

  /** `undefined`, most of the time; otherwise a promise to wait for. */
  next(): Promise<void> | undefined {
    return performance.now() - this.#last < TURN_MS ? undefined : this.#wait();
  }

  async #wait(): Promise<void> {
    await setImmediate();
    this.#last = performance.now();
  }
}
