/** How many messages a service may have in hand, and how many it has. */
export class Slots {
  #limit: number;
  #batch: number;
  #taken = 0;
  #wake: (() => void) | undefined;

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
    this.#wakeIfFree();
  }

  /** Waits until enough slots are free, takes all that are, and says how many. One caller at a time. */
  async takeFree(signal: AbortSignal): Promise<number> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake, { once: true });
    while (!this.#areEnoughFree() && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    signal.removeEventListener('abort', wake);
    signal.throwIfAborted();
    const free = this.#limit - this.#taken;
    this.#taken += free;
    return free;
  }

  release(count = 1): void {
    this.#taken -= count;
    this.#wakeIfFree();
  }

  #areEnoughFree(): boolean {
    return this.#limit - this.#taken >= this.#batch;
  }

  #wakeIfFree(): void {
    if (this.#areEnoughFree()) this.#wake?.();
  }
}
