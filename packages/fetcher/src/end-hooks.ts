import {
  type Backoff,
  backoffMs,
  hookId,
  type HookOutcome,
  LEASE_MS,
  type LeatError,
  messageOf,
  type RunHooks,
  type RunReport,
  type RunRequest,
  type RunState,
} from '@leat/core';
import { type Logger, runInfoOf, unlessAborted, wait } from '@leat/runtime';
import type { HookRun, Pipeline } from '@leat/sdk';
import type { Checkpointer } from './checkpointer.ts';
import type { Lease } from './lease.ts';

/** How often a hook is called before its error stands in the report. */
const ATTEMPTS = 5;
/** How long an attempt may take. */
const LIMIT_MS = 60_000;
/** How long a stop lets an attempt go on. */
const PATIENCE_MS = 5_000;
/** How often the lease is renewed meanwhile. */
const RENEW_MS = LEASE_MS / 3;
const BACKOFF: Backoff = { initialDelayMs: 1_000, maxDelayMs: 30_000, factor: 2, jitter: 'equal' };

export interface EndHooksOptions {
  readonly pipeline: Pipeline;
  readonly request: RunRequest;
  readonly lease: Pick<Lease, 'hooks'>;
  readonly checkpointer: Pick<Checkpointer, 'note'>;
  /** After it, an attempt may go on for five seconds; then the next fetcher calls the hook again. */
  readonly stop: AbortSignal;
  readonly logger: Logger;
}

/** How a run is about to end. */
export interface RunEnd {
  /** As it will be. */
  readonly report: RunReport;
  /** Why it has failed, if it has. */
  readonly error?: LeatError | undefined;
}

type Call = (run: HookRun<unknown>) => unknown;

/**
 * Calls the hooks of a run that is about to end, one after the other, under its lease. Each attempt is written down
 * before it begins: so a hook that ends its process does so five times, and not for ever.
 *
 * @returns whether all is done; `false` if it was told to stop before, and the next fetcher calls them
 * @throws LeatError `lease-lost` if another fetcher has taken over
 */
export async function callHooks(options: EndHooksOptions, end: RunEnd): Promise<boolean> {
  const calls = callsOf(options.pipeline, end);
  if (calls.length === 0) return true;
  const over = new AbortController();
  const renewing = renew(options.checkpointer, over.signal);
  try {
    return await Promise.race([
      new EndHooks(options, over.signal).call(calls, end.report.state),
      renewing.then(() => false),
    ]);
  } finally {
    over.abort(new Error('the hooks of the run are over here'));
  }
}

function callsOf(
  { onFailure, finally: last }: Pipeline,
  { report, error }: RunEnd,
): readonly (readonly [HookOutcome['name'], Call])[] {
  const calls: [HookOutcome['name'], Call][] = [];
  if (onFailure !== undefined && error !== undefined) {
    calls.push(['onFailure', (run) => onFailure(run, error)]);
  }
  if (last !== undefined) calls.push(['finally', (run) => last(run, report)]);
  return calls;
}

/** Keeps the lease. @throws LeatError `lease-lost` */
async function renew(checkpointer: Pick<Checkpointer, 'note'>, signal: AbortSignal): Promise<void> {
  for (;;) {
    await wait(RENEW_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    await checkpointer.note();
  }
}

class EndHooks {
  readonly #options: EndHooksOptions;
  readonly #over: AbortSignal;

  constructor(options: EndHooksOptions, over: AbortSignal) {
    this.#options = options;
    this.#over = over;
  }

  /** @returns whether all is done */
  async call(
    calls: readonly (readonly [HookOutcome['name'], Call])[],
    state: RunState,
  ): Promise<boolean> {
    const { request, lease } = this.#options;
    const before: RunHooks = lease.hooks ?? { ends: 0, ran: [] };
    const ids = new Set(calls.map(([name]) => hookId(request.run, name, before)));
    // What was called for an earlier end, or for another one that was not written down, was told something else.
    const ran = before.state === state ? before.ran.filter(({ id }) => ids.has(id)) : [];
    lease.hooks = { ends: before.ends, state, ran };
    for (const [name, call] of calls) {
      if (!(await this.#untilDone(name, call))) return false;
    }
    return true;
  }

  /** @returns whether it has returned, or used up its attempts */
  async #untilDone(name: HookOutcome['name'], call: Call): Promise<boolean> {
    const { request, lease, checkpointer, stop, logger } = this.#options;
    const id = hookId(request.run, name, lease.hooks ?? { ends: 0, ran: [] });
    const before = lease.hooks?.ran.find((each) => each.id === id);
    if (before !== undefined && before.error === undefined) return true;
    for (let attempts = (before?.attempts ?? 0) + 1; attempts <= ATTEMPTS; attempts++) {
      this.#note({ id, name, attempts, error: 'its fetcher ended before it returned' });
      await checkpointer.note();
      try {
        await this.#attempt({ id, attempts }, call);
        this.#note({ id, name, attempts });
        logger.info({ run: request.run, hook: id, attempts }, 'hook done');
        return true;
      } catch (error) {
        this.#over.throwIfAborted();
        if (error instanceof Stopped) {
          logger.warn({ run: request.run, hook: id }, error.message);
          // It is not its fault.
          this.#note({ id, name, attempts: attempts - 1, error: error.message });
          return false;
        }
        this.#note({ id, name, attempts, error: messageOf(error) });
        logger.error({ err: error, run: request.run, hook: id, attempts }, 'hook failed');
      }
      if (attempts === ATTEMPTS) break;
      await wait(backoffMs(BACKOFF, attempts, Math.random()), stop).catch(() => undefined);
      this.#over.throwIfAborted();
      if (stop.aborted) return false;
    }
    return true;
  }

  #note(outcome: HookOutcome): void {
    const { lease } = this.#options;
    const hooks = lease.hooks ?? { ends: 0, ran: [] };
    lease.hooks = {
      ...hooks,
      ran: [...hooks.ran.filter(({ id }) => id !== outcome.id), outcome],
    };
  }

  /** @throws what the hook throws; Stopped; an error if it takes too long */
  async #attempt(
    hook: { readonly id: string; readonly attempts: number },
    call: Call,
  ): Promise<void> {
    const { request, pipeline, stop } = this.#options;
    const over = new AbortController();
    const late = new Error(`it has not returned within ${LIMIT_MS / 1_000} s`);
    const limit = setTimeout(() => over.abort(late), LIMIT_MS);
    let patience: NodeJS.Timeout | undefined;
    const hurry = (): void => {
      patience = setTimeout(() => over.abort(new Stopped()), PATIENCE_MS);
    };
    if (stop.aborted) hurry();
    else stop.addEventListener('abort', hurry, { once: true });
    const signal = AbortSignal.any([over.signal, this.#over]);
    const { id, attempts: attempt } = hook;
    const work = async (): Promise<unknown> =>
      call({ ...runInfoOf(request, pipeline), hook: id, attempt, signal });
    try {
      await unlessAborted(work(), signal);
    } finally {
      clearTimeout(limit);
      clearTimeout(patience);
      stop.removeEventListener('abort', hurry);
    }
  }
}

/** The service stops, and a hook has not returned. */
class Stopped extends Error {
  constructor() {
    super('the service stopped before it returned: the next fetcher calls it again');
  }
}
