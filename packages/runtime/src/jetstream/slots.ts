import { Bell } from '../bell.ts';

/** How many messages a service may have in hand, and how many it has. */
export class Slots {
  #limit: number;
  #batch: number;
  #taken = 0;
  readonly #bell = new Bell();

  /**
   * @param batch how many must be free before more are asked for: one at a time costs three times as much
   */
  constructor(limit: number, batch: number = limit >> 2) {
    this.#limit = limit;
    this.#batch = Math.max(1, batch);
  }

  get taken(): number {
    return this.#taken;
  }

  setLimit(limit: number, batch: number): void {
    this.#limit = limit;
    this.#batch = Math.max(1, batch);
    this.#bell.ring();
  }

  /** Waits until enough slots are free, takes all that are, and says how many. */
  async takeFree(signal: AbortSignal): Promise<number> {
    let free = 0;
    await this.#bell.until(() => {
      free = this.#limit - this.#taken;
      if (free < this.#batch) return false;
      this.#taken += free;
      return true;
    }, signal);
    return free;
  }

  release(count = 1): void {
    this.#taken -= count;
    this.#bell.ring();
  }
}
