import { backoffMs, LeatError, messageOf, type RetryPolicy } from '@leat/core';
import { type Logger, wait } from '@leat/runtime';

const SINK_BACKOFF: RetryPolicy = {
  attempts: Number.POSITIVE_INFINITY,
  initialDelayMs: 100,
  maxDelayMs: 5_000,
  factor: 2,
  jitter: 'equal',
};

/** After about two seconds. */
const FAILURES_UNTIL_TOLD = 5;

/**
 * Tries until it works: a sink that is away makes the run wait, and the log says why.
 *
 * @throws LeatError whatever waiting does not mend
 */
export async function persist<T>(
  what: string,
  action: () => Promise<T>,
  options: {
    readonly signal: AbortSignal;
    readonly logger: Logger;
    /** Told what is waited for, when it has been waited for a while. */
    readonly onWait: (reason: string) => void;
  },
): Promise<T> {
  const { signal, logger } = options;
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      const result = await action();
      if (failures > 1) logger.info(`${what} is back`);
      return result;
    } catch (error) {
      if (error instanceof LeatError) throw error;
      const retryInMs = backoffMs(SINK_BACKOFF, failures, Math.random());
      const reason = `${what} is not available, waiting: ${messageOf(error)}`;
      logger.warn({ retryInMs }, reason);
      if (failures >= FAILURES_UNTIL_TOLD) options.onWait(reason);
      await wait(retryInMs, signal);
    }
  }
}
