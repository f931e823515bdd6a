import { type Backoff, messageOf } from '@leat/core';
import { type Logger, persist } from '@leat/runtime';

const SINK_BACKOFF: Backoff = {
  initialDelayMs: 100,
  maxDelayMs: 5_000,
  factor: 2,
  jitter: 'equal',
};

/** After about two seconds. */
const FAILURES_UNTIL_NOTED = 5;

/**
 * Tries until it works: a sink that is away makes the run wait, and the log says why.
 *
 * @throws LeatError whatever waiting does not mend
 */
export async function untilAvailable<T>(
  what: string,
  action: () => Promise<T>,
  options: {
    readonly signal: AbortSignal;
    readonly logger: Logger;
    /** Told what is waited for, when it has been waited for a while; it is logged already. */
    readonly onWait: (reason: string) => void;
  },
): Promise<T> {
  const { signal, logger, onWait } = options;
  let hasFailed = false;
  const result = await persist(action, {
    backoff: SINK_BACKOFF,
    onWait: ({ error, failures, retryInMs }) => {
      hasFailed = true;
      const reason = `${what} is not available, waiting: ${messageOf(error)}`;
      logger.warn({ retryInMs }, reason);
      if (failures >= FAILURES_UNTIL_NOTED) onWait(reason);
    },
    signal,
  });
  if (hasFailed) logger.info(`${what} is back`);
  return result;
}
