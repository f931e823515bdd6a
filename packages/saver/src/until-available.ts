import { type Backoff, backoffMs, isA, LeatError, messageOf } from '@leat/core';
import { type Logger, wait } from '@leat/runtime';

const SINK_BACKOFF: Backoff = {
  initialDelayMs: 100,
  maxDelayMs: 5_000,
  factor: 2,
  jitter: 'equal',
};

/** After about two seconds. */
const FAILURES_UNTIL_NOTED = 5;
/** After so long without an answer it is said, and again each time. */
const SILENCE_MS = 10_000;
/** After so long without an answer there will be none: as long as a query may take in PostgreSQL. */
const MAX_SILENCE_MS = 300_000; // 5 min

/**
 * A sink that has not answered, and is asked anew over another session: after five minutes, or ten seconds where the
 * service stops. What it was asked may still come about.
 */
export class SinkSilent extends Error {
  override readonly name: string = 'SinkSilent';
}

/** The sink is away, and the service stops: it is not asked again. */
export class SinkAway extends Error {
  override readonly name: string = 'SinkAway';
}

export interface AvailabilityOptions {
  /** The run is not wanted any more, or the service has to leave everything. */
  readonly signal: AbortSignal;
  /** The service stops: what fails is not tried again. */
  readonly stop: AbortSignal;
  /** The service has to leave everything: an answer is not waited for. */
  readonly abort: AbortSignal;
  readonly logger: Logger;
  /** Told what is waited for, when it has been waited for a while; it is logged already. */
  readonly onWait: (reason: string) => void;
}

/**
 * Tries until it works: a sink that is away makes the run wait, and the log says why. So does one that does not answer.
 *
 * @throws LeatError whatever waiting does not mend; `SinkSilent`; `SinkAway`, if the service stops
 */
export async function untilAvailable<T>(
  what: string,
  action: () => Promise<T>,
  options: AvailabilityOptions,
): Promise<T> {
  const { signal, stop, logger, onWait } = options;
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      const result = await answerOf(what, action, options);
      if (failures > 1) logger.info(`${what} is back`);
      return result;
    } catch (error) {
      if (isA(error, LeatError) || error instanceof SinkSilent) throw error;
      if (stop.aborted) throw away(what, error);
      const retryInMs = backoffMs(SINK_BACKOFF, failures, Math.random());
      const reason = `${what} is not available, waiting: ${messageOf(error)}`;
      logger.warn({ retryInMs }, reason);
      if (failures >= FAILURES_UNTIL_NOTED) onWait(reason);
      await wait(retryInMs, AbortSignal.any([signal, stop])).catch(() => undefined);
      signal.throwIfAborted();
      if (stop.aborted) throw away(what, error);
    }
  }
}

function away(what: string, cause: unknown): SinkAway {
  const sentence = `${what} is not available, and the service stops: ${messageOf(cause)}`;
  return new SinkAway(sentence, { cause });
}

/** Waits for an answer, and says that there is none. */
function answerOf<T>(
  what: string,
  action: () => Promise<T>,
  { stop, abort, logger, onWait }: AvailabilityOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const since = performance.now();
    const look = setInterval(() => {
      const silentMs = performance.now() - since;
      const sentence = `${what} has not answered for ${Math.round(silentMs / 1_000)} s`;
      if (silentMs >= MAX_SILENCE_MS || stop.aborted) end(() => reject(new SinkSilent(sentence)));
      else {
        const reason = `${sentence}, waiting: something may be locked there`;
        logger.warn(reason);
        onWait(reason);
      }
    }, SILENCE_MS);
    const leave = (): void => end(() => reject(abort.reason));
    const end = (settle: () => void): void => {
      clearInterval(look);
      abort.removeEventListener('abort', leave);
      settle();
    };
    abort.addEventListener('abort', leave, { once: true });
    const answer = Promise.resolve().then(action);
    answer.then(
      (result) => end(() => resolve(result)),
      (error: unknown) => end(() => reject(error)),
    );
  });
}
