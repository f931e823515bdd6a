import { LeatError } from '@leat/core';

/** So long a stage can be busy on paper; one that is busy for ever would be called without end. */
const MOST_MS = 100 * 3_600_000;

/**
 * A wait before a record is tried again that takes no time, for the mapper of that name.
 *
 * @throws LeatError `invalid-pipeline` when a hundred hours would have been waited
 */
export function noWait(mapper: string): (ms: number, signal?: AbortSignal) => Promise<void> {
  let waitedMs = 0;
  return async (ms, signal) => {
    signal?.throwIfAborted();
    waitedMs += ms;
    if (waitedMs > MOST_MS) {
      throw new LeatError(
        'invalid-pipeline',
        `The mapper ${mapper} would have waited for 100 hours and is still busy: a test needs a function that is busy now and then, and not for ever.`,
      );
    }
    // Others have their turn, as they would while it waits.
    await new Promise((resolve) => setImmediate(resolve));
  };
}
