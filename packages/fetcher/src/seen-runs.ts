import type { RunRequest } from '@leat/core';
import { type Logger, type Remembered, type Runs, tellAgainIfLost } from '@leat/runtime';

/** How often it is looked what has become of a run that is not there any more, and what operators want. */
const LOOK_MS = 5_000;

interface Seen extends Remembered {
  said: Remembered['said'];
  /** When it is looked at again. */
  lookAt: number;
}

/**
 * The open runs that a fetcher has seen while it stands by. The broker may lose one together with its fetcher: then
 * nobody else may be there who knows of it.
 */
export class SeenRuns {
  readonly #runs: Runs;
  readonly #logger: Logger;
  readonly #seen = new Map<string, Seen>();

  constructor(runs: Runs, logger: Logger) {
    this.#runs = runs;
    this.#logger = logger;
  }

  /**
   * Takes note of the runs that are open, and tells the broker again of those that it has lost.
   *
   * @returns whether it has lost any
   */
  async look(open: readonly RunRequest[]): Promise<boolean> {
    for (const request of open) await this.#note(request);
    const runs = new Set(open.map(({ run }) => run));
    for (const [run, seen] of this.#seen) {
      if (runs.has(run)) continue;
      if (seen.misses > 0 && performance.now() < seen.lookAt) continue;
      seen.lookAt = performance.now() + LOOK_MS;
      await tellAgainIfLost(seen, { runs: this.#runs, logger: this.#logger });
      // The broker knows it: it has ended.
      if (seen.misses === 0) this.#seen.delete(run);
    }
    return this.#seen.size > runs.size;
  }

  async #note(request: RunRequest): Promise<void> {
    const seen = this.#seen.get(request.run);
    const now = performance.now();
    if (seen?.misses === 0 && seen.request.born === request.born && now < seen.lookAt) return;
    const said = { wish: await this.#runs.wishes.get(request.run) };
    this.#seen.set(request.run, { request, isOpen: true, said, misses: 0, lookAt: now + LOOK_MS });
  }
}
