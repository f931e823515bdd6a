import { setMaxListeners } from 'node:events';

/**
 * Wakes those who wait for a condition: the one who changes something that a condition depends on rings. Any
 * number may wait, each for another condition.
 */
export class Bell {
  #waiting: (() => void)[] = [];

  /** Makes all who wait look again. */
  ring(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /**
   * Waits until a condition holds. It is evaluated at once and after each ring, and may itself take what it
   * finds: nothing happens between the moment it holds and its return.
   *
   * @throws the reason of the signal, if that is aborted before
   */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (condition()) return;
    setMaxListeners(0, signal);
    const ring = (): void => this.ring();
    signal.addEventListener('abort', ring);
    try {
      do {
        await new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
        });
        signal.throwIfAborted();
      } while (!condition());
    } finally {
      signal.removeEventListener('abort', ring);
    }
  }

  /** As {@link until}, but for so many milliseconds at most. */
  async within(ms: number, condition: () => boolean, signal: AbortSignal): Promise<void> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.ring();
    }, ms);
    try {
      await this.until(() => isOver || condition(), signal);
    } finally {
      clearTimeout(timer);
    }
  }
}
