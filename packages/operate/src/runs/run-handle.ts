import { type Backoff, isEnded, LeatError, type RunReport, type Trouble } from '@leat/core';
import { persist, resumeRun, wait } from '@leat/runtime';
import { explained, type Site } from '../site.ts';
import { cancelRun } from './cancel-run.ts';
import type { FoundRun } from './find-run.ts';
import { hindrancesOf } from './hindrances.ts';
import { lookAtRun } from './look-at-run.ts';
import { pauseRun } from './pause-run.ts';

/** How often it is looked how far a run has come. */
const LOOK_MS = 500;
/** How often it is looked what of the server keeps the run from going on. */
const GLANCE_MS = 10_000;
/** How long the server may be away while a run is watched. */
const AWAY_MS = 60_000;
const AWAY_BACKOFF: Backoff = {
  initialDelayMs: LOOK_MS,
  maxDelayMs: LOOK_MS,
  factor: 1,
  jitter: 'none',
};

/** One run on a server, to be watched and steered. It holds nothing: any number may be made of one run. */
export class RunHandle {
  readonly #site: Site;
  readonly #found: FoundRun;
  #glance: { readonly at: number; readonly found: Promise<readonly Trouble[]> } | undefined;

  constructor(site: Site, found: FoundRun) {
    this.#site = site;
    this.#found = found;
  }

  get id(): string {
    return this.#found.request.run;
  }

  /** The name of its pipeline. */
  get pipeline(): string {
    return this.#found.request.pipeline;
  }

  /** The pipeline file that the run says it was started with. Others may write there: show it, never load it. */
  get file(): string | undefined {
    return this.#found.request.file;
  }

  /** How far the run has come. */
  report(): Promise<RunReport> {
    return explained(this.#site, this.#report());
  }

  /**
   * Reports of the run: one at once, one whenever something has changed (looked for twice a second), and the last one
   * when the run has ended. A run that is paused goes on being watched. A server that does not answer is waited for, for
   * a minute.
   *
   * @param options.signal ends the reports early, without an error
   */
  async *reports(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<RunReport, void> {
    const { signal } = options;
    let last = '';
    for (;;) {
      const report = await this.#reportInTheEnd(signal);
      if (report === undefined) return;
      // When a trouble was said last is no news.
      const text = JSON.stringify(report, (key, value: unknown) => (key === 'at' ? '' : value));
      if (text !== last) yield report;
      if (isEnded(report.state)) return;
      last = text;
      await wait(LOOK_MS, signal).catch(() => undefined);
    }
  }

  /**
   * Waits until the run has completed, with dead letters or without.
   *
   * @param options.signal what is thrown is its reason, if it is aborted before
   * @returns its last report
   * @throws LeatError `run-failed` if it failed, `run-state` if it was cancelled
   */
  async completed(options: { readonly signal?: AbortSignal } = {}): Promise<RunReport> {
    let last: RunReport | undefined;
    for await (const report of this.reports(options)) last = report;
    options.signal?.throwIfAborted();
    if (last === undefined || !isEnded(last.state)) throw new Error('Its reports ended before it.');
    if (last.state === 'failed') {
      throw new LeatError(
        'run-failed',
        `The run ${this.id} failed: ${last.reason ?? 'its log says why'}`,
      );
    }
    if (last.state === 'cancelled') {
      throw new LeatError('run-state', `The run ${this.id} was cancelled: it will not complete.`);
    }
    return last;
  }

  /**
   * Lets the run rest: what is in hand is finished, and everything is kept. It takes hold within a second.
   *
   * @throws LeatError `run-state` if it has ended or is being cancelled
   */
  pause(): Promise<void> {
    return explained(this.#site, pauseRun(this.#found));
  }

  /**
   * Lets the run go on that is paused, or that failed once what it failed by is mended.
   *
   * @throws LeatError `run-state` if it has ended otherwise, or is being cancelled
   */
  resume(): Promise<void> {
    return explained(this.#site, resumeRun(this.#found.runs, this.id));
  }

  /**
   * Ends the run with what is saved so far. Its fetcher does that when savers have finished what they had begun. A run
   * that no fetcher takes up within some seconds is ended here, also one that no pipeline file fits any more; its
   * report then says what it does not count.
   *
   * @throws LeatError `run-state` if it has ended
   */
  cancel(): Promise<void> {
    return explained(this.#site, cancelRun(this.#site, this.#found));
  }

  /** The report, once the server answers; undefined if the signal is aborted. */
  async #reportInTheEnd(signal: AbortSignal | undefined): Promise<RunReport | undefined> {
    const since = performance.now();
    const { nats } = this.#site;
    const isFinal = (error: unknown): boolean =>
      !(error instanceof LeatError && error.code === 'unreachable') ||
      nats.isClosed() ||
      performance.now() - since > AWAY_MS;
    try {
      return await persist(() => this.report(), { backoff: AWAY_BACKOFF, isFinal, signal });
    } catch (error) {
      if (signal?.aborted === true) return undefined;
      throw error;
    }
  }

  async #report(): Promise<RunReport> {
    const { request, runs } = this.#found;
    const troubles = await runs.notes.troubles(this.id);
    return lookAtRun(runs, request, { troubles, hindrances: () => this.#hindrances() });
  }

  /** Looked for at most every ten seconds, since reports may be asked for often. */
  #hindrances(): Promise<readonly Trouble[]> {
    const now = performance.now();
    if (this.#glance === undefined || now - this.#glance.at > GLANCE_MS) {
      const found = hindrancesOf(this.#site, this.#found.request.spec);
      this.#glance = { at: now, found };
    }
    return this.#glance.found;
  }
}
