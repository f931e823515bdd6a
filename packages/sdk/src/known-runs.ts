import { setMaxListeners } from 'node:events';
import { isResumable, LeatError, type RunRequest, type RunWish } from '@leat/core';
import type { RunInfo } from './contracts.ts';
import type { Delivery } from './jetstream/chunk-queue.ts';
import type { Runs } from './jetstream/runs.ts';
import type { Logger } from './logger.ts';
import { runInfoOf } from './run-info.ts';

/** How many runs a service remembers; it has to do with very few at a time. */
const MAX_RUNS = 100;
/** How often it is looked what the operator wants: a wish takes hold within a second. */
const LOOK_MS = 500;
/** The fence stands in the run's progress, which may be a megabyte: it is read every so many looks. */
const LOOKS_PER_FENCE = 10;
/** How long a chunk of a run that rests is left on its queue. */
const PAUSED_DELAY_MS = 2_000;
/** How long a chunk is left to replicas that know the secrets of its run. */
const SECRET_DELAY_MS = 2_000;
/** A chunk of a run that nobody knows is given back this often before it is dropped. */
const MAX_UNKNOWN_DELIVERIES = 20;
const UNKNOWN_DELAY_MS = 2_000;

/** A run that a service works for. */
export interface KnownRun {
  readonly info: RunInfo;
  /**
   * The fencing token of the run's lease, as it was known last; 0 if it never was. It rises when another
   * fetcher takes the run over.
   */
  readonly fence: number;
  /** Aborted when the run is cancelled (with LeatError `run-state`), or the service must leave everything. */
  readonly signal: AbortSignal;
}

interface Entry extends Omit<KnownRun, 'info'> {
  /** Absent if a secret of the run is not known here: others may have it. */
  readonly info: RunInfo | undefined;
  readonly cancel: AbortController;
  fence: number;
  wish: RunWish;
}

/** The runs whose chunks a mapper or saver meets, and what their operators want of them. */
export class KnownRuns {
  readonly #runs: Runs;
  readonly #abort: AbortSignal;
  readonly #logger: Logger;
  readonly #known = new Map<string, Promise<Entry | undefined>>();
  readonly #looking: NodeJS.Timeout;
  #looks = 0;

  /** @param abort the service must leave everything */
  constructor(runs: Runs, abort: AbortSignal, logger: Logger) {
    this.#runs = runs;
    this.#abort = abort;
    this.#logger = logger;
    this.#looking = setInterval(() => void this.#look(), LOOK_MS);
    this.#looking.unref();
  }

  /**
   * The run of a chunk, if it may be worked on now. Otherwise the chunk is settled here: one of a run
   * that rests is left for later, one of a cancelled run dropped, and one of an unknown run tried for a
   * while, since its entry may be on its way back. One of a run whose secrets are not known here goes to others.
   */
  async admit(delivery: Delivery): Promise<KnownRun | undefined> {
    const { run } = delivery.envelope;
    const entry = await this.#find(run);
    if (entry === undefined) {
      if (delivery.deliveries < MAX_UNKNOWN_DELIVERIES) {
        delivery.giveBack(UNKNOWN_DELAY_MS);
      } else {
        this.#logger.error({ run }, 'chunk of an unknown run dropped');
        delivery.drop('unknown run');
      }
      return undefined;
    }
    const { wish, info } = entry;
    if (wish === 'run' && info !== undefined) return entry as KnownRun;
    if (wish === 'run') delivery.giveBack(SECRET_DELAY_MS);
    else if (wish === 'pause') delivery.giveBack(PAUSED_DELAY_MS);
    else delivery.drop('the run was cancelled');
    return undefined;
  }

  /** Reads a run's fence anew, and gives it; a run that has ended for good is forgotten. */
  async lookAtFence(run: string): Promise<number> {
    const entry = await this.#find(run);
    if (entry === undefined) return 0;
    const progress = (await this.#runs.progress(run))?.progress;
    // What comes late, or from a bucket that was wiped, does not lower it.
    entry.fence = Math.max(entry.fence, progress?.fence ?? 0);
    // Should a chunk of it come all the same (of a redrive, say), it is looked up again.
    if (progress !== undefined && !isResumable(progress.state)) this.#known.delete(run);
    return entry.fence;
  }

  close(): void {
    clearInterval(this.#looking);
  }

  #find(run: string): Promise<Entry | undefined> {
    let entry = this.#known.get(run);
    if (entry === undefined) {
      entry = this.#load(run);
      this.#known.set(run, entry);
      const forget = (): void => void this.#known.delete(run);
      entry.then((found) => found ?? forget(), forget);
      const [oldest] = this.#known.keys();
      if (this.#known.size > MAX_RUNS && oldest !== undefined) this.#known.delete(oldest);
    }
    return entry;
  }

  async #load(run: string): Promise<Entry | undefined> {
    const request = await this.#runs.get(run);
    if (request === undefined) return undefined;
    const cancel = new AbortController();
    const signal = AbortSignal.any([this.#abort, cancel.signal]);
    // Every chunk in hand listens to it.
    setMaxListeners(0, signal);
    return {
      info: this.#infoOf(request),
      cancel,
      signal,
      fence: (await this.#runs.progress(run))?.progress.fence ?? 0,
      wish: await this.#runs.wish(run),
    };
  }

  /** What is told of a run; nothing, and a line in the log, if a secret of it is not known here. */
  #infoOf(request: RunRequest): RunInfo | undefined {
    try {
      return runInfoOf(request);
    } catch (error) {
      if (!(error instanceof LeatError)) throw error;
      this.#logger.error({ run: request.run }, error.message);
      return undefined;
    }
  }

  async #look(): Promise<void> {
    const isFenceDue = ++this.#looks % LOOKS_PER_FENCE === 0;
    for (const [run, known] of this.#known) {
      try {
        const entry = await known;
        if (entry === undefined) continue;
        entry.wish = await this.#runs.wish(run);
        if (entry.wish === 'cancel') {
          entry.cancel.abort(new LeatError('run-state', `The run ${run} was cancelled.`));
        }
        if (isFenceDue) await this.lookAtFence(run);
      } catch (error) {
        this.#logger.debug({ err: error, run }, 'wish or fence not read');
      }
    }
  }
}
