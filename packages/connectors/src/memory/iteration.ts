/** Anything that can be iterated over, at once or in time. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/**
 * Whether something can be iterated over only once: an iterator (such as a generator object, which is its
 * own iterator), or a stream.
 */
export function isOneShot(iterable: AnyIterable<unknown>): boolean {
  if ('next' in iterable && typeof iterable.next === 'function') {
    return Object.is(iteratorOf(iterable), iterable);
  }
  return 'pipe' in iterable || 'getReader' in iterable;
}

/** Iterates over either kind. */
export function iteratorOf<T>(iterable: AnyIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in iterable
    ? iterable[Symbol.asyncIterator]()
    : iterable[Symbol.iterator]();
}

/** Waits for one promise after the other, until the signal is aborted. */
export class AbortableWait {
  readonly #signal: AbortSignal;
  // Not `Promise.race` with one promise for the signal: that would keep a callback for every wait.
  #reject: ((reason: unknown) => void) | undefined;
  readonly #abort = (): void => this.#reject?.(this.#signal.reason);

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort);
  }

  async for<T>(promise: PromiseLike<T>): Promise<T> {
    this.#signal.throwIfAborted();
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#reject = reject;
        promise.then(resolve, reject);
      });
    } finally {
      this.#reject = undefined;
    }
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#abort);
  }
}
