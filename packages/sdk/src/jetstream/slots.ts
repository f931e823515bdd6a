/** How many messages a service may have in hand, and how many it has. */
export class Slots {
  #limit: number;
  #taken = 0;
  #wake: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  setLimit(limit: number): void {
    this.#limit = limit;
    this.#wakeIfFree();
  }

  /**
   * Waits until a quarter of the slots is free (pulling one message at a time costs three times as much),
   * takes all that are, and says how many. One caller at a time.
   */
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
    return this.#limit - this.#taken >= Math.max(1, this.#limit >> 2);
  }

  #wakeIfFree(): void {
    if (this.#areEnoughFree()) this.#wake?.();
  }
}
