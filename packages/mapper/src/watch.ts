import type { Logger } from '@leat/runtime';
import { type Job, positionOf, whatEndsCalls } from './job.ts';
import type { WorkClock } from './work-clock.ts';

/** After so long the log says that a chunk is still worked on, and again each time that it has doubled. */
const LONG_WORK_MS = 30_000;

/** After so long without a sign of life, whoever works on a chunk is blocked; there is one every ten seconds. */
const SILENT_MS = 25_000;

/** A chunk, or a part of one, was worked on for longer than its stage allows. */
export class TimedOut extends Error {
  override readonly name: string = 'TimedOut';

  constructor(timeoutMs: number) {
    super(`it was worked on for longer than ${timeoutMs} ms, the timeoutMs of its stage`);
  }
}

/** Whether what comes of work is still wanted. */
export interface Wanted {
  readonly signal: AbortSignal;
  /** @throws the reason of the signal */
  readonly throwIfAborted: () => void;
}

export function wantedUntil(signal: AbortSignal): Wanted {
  return { signal, throwIfAborted: () => signal.throwIfAborted() };
}

export interface WatchOptions {
  readonly job: Job;
  readonly clock: WorkClock;
  /** The longest that the clock may show; undefined if there is no limit. */
  readonly timeoutMs: number | undefined;
  readonly logger: Logger;
  /** Aborted when the work is not wanted any more. */
  readonly signal: AbortSignal;
}

/**
 * Watches over work: aborts it when its clock shows too much, and says now and then that it goes on.
 *
 * It begins when somebody asks for its signal. Before that the work has not waited for anything, and a
 * watch can do nothing while this thread is blocked; most chunks of a quick function end without one.
 */
class Watch implements Wanted {
  readonly #options: WatchOptions;
  readonly #timeoutMs: number;
  #over: AbortController | undefined;
  #looking: NodeJS.Timeout | undefined;
  #noteAtMs = LONG_WORK_MS;
  /** Whether it was said that the one who works on it is blocked. */
  #isNamed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? Number.POSITIVE_INFINITY;
  }

  get signal(): AbortSignal {
    if (this.#over === undefined) this.#begin((this.#over = new AbortController()));
    return this.#over.signal;
  }

  throwIfAborted(): void {
    (this.#over ?? this.#options).signal.throwIfAborted();
  }

  /** Leaves nothing behind. */
  end(): void {
    clearTimeout(this.#looking);
    if (this.#over !== undefined) this.#options.signal.removeEventListener('abort', this.#abort);
  }

  #begin(over: AbortController): void {
    const { signal } = this.#options;
    if (signal.aborted) {
      over.abort(signal.reason);
      return;
    }
    signal.addEventListener('abort', this.#abort, { once: true });
    this.#look(over);
  }

  readonly #abort = (): void => this.#over?.abort(this.#options.signal.reason);

  #look(over: AbortController): void {
    const { clock, job, logger } = this.#options;
    const { workedMs } = clock;
    if (workedMs >= this.#timeoutMs) {
      over.abort(new TimedOut(this.#timeoutMs));
      return;
    }
    if (workedMs >= this.#noteAtMs) {
      logger.warn({ run: job.run.id, chunk: job.chunk, workedMs }, 'chunk still worked on');
      this.#nameIfBlocked();
    }
    while (workedMs >= this.#noteAtMs) this.#noteAtMs *= 2;
    // A clock that stands in between is looked at too early, and then again.
    const nextMs = Math.min(this.#timeoutMs, this.#noteAtMs) - workedMs;
    this.#looking = setTimeout(() => this.#look(over), nextMs);
  }

  /** One that works in another thread or process cannot say which record it is. */
  #nameIfBlocked(): void {
    const { clock, job, timeoutMs } = this.#options;
    const isBlocked = clock.silentMs >= SILENT_MS;
    if (!isBlocked && !this.#isNamed) return;
    this.#isNamed = isBlocked;
    const sinceMs = Date.now() - clock.silentMs;
    const reason = `it blocks its thread, and ${whatEndsCalls({ timeoutMs })}`;
    const wait = { reason, sinceMs, isCalled: true };
    job.onWait?.(`${positionOf(job, 0)} or a later one`, isBlocked ? wait : undefined);
  }
}

/**
 * Does work under a {@link Watch}.
 *
 * @param work must end soon after it is not wanted any more, with the signal's reason
 * @throws TimedOut
 */
export async function watched<T>(
  options: WatchOptions,
  work: (wanted: Wanted) => Promise<T>,
): Promise<T> {
  const watch = new Watch(options);
  watch.throwIfAborted();
  try {
    return await work(watch);
  } finally {
    watch.end();
  }
}
