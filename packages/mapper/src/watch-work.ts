import type { Logger } from '@leat/sdk/internal';
import type { Job } from './job.ts';
import type { WorkClock } from './work-clock.ts';

/** After so long the log says that a chunk is still worked on, and again each time that it has doubled. */
const LONG_WORK_MS = 60_000;

/** A chunk, or a part of one, was worked on for longer than its stage allows. */
export class TimedOut extends Error {
  override readonly name: string = 'TimedOut';

  constructor(timeoutMs: number) {
    super(`it was worked on for longer than ${timeoutMs} ms, the timeoutMs of its stage`);
  }
}

export interface WatchOptions {
  readonly job: Job;
  readonly clock: WorkClock;
  /** The longest that the clock may show; undefined if there is no limit. */
  readonly timeoutMs: number | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Watches over work: aborts it when its clock shows too much, and says now and then that it goes on. Can
 * only act while this thread is not blocked.
 *
 * @param work must end soon after its signal was aborted, with the signal's reason
 * @throws TimedOut
 */
export async function watchWork<T>(
  options: WatchOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { job, clock, timeoutMs = Number.POSITIVE_INFINITY, logger, signal } = options;
  signal.throwIfAborted();
  const over = new AbortController();
  const abort = (): void => over.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  let noteAtMs = LONG_WORK_MS;
  let looking: NodeJS.Timeout | undefined;
  const look = (): void => {
    const { workedMs } = clock;
    if (workedMs >= timeoutMs) {
      over.abort(new TimedOut(timeoutMs));
      return;
    }
    if (workedMs >= noteAtMs) {
      logger.warn({ run: job.run.id, chunk: job.chunk, workedMs }, 'chunk still worked on');
    }
    while (workedMs >= noteAtMs) noteAtMs *= 2;
    // A clock that stands in between is looked at too early, and then again.
    looking = setTimeout(look, Math.min(timeoutMs, noteAtMs) - workedMs);
  };
  look();
  try {
    return await work(over.signal);
  } finally {
    clearTimeout(looking);
    signal.removeEventListener('abort', abort);
  }
}
