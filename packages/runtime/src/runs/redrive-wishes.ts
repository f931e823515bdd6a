import type { RedriveWish } from '@leat/core';
import { demandKey } from './demand-key.ts';
import type { EntryStore } from './entry-store.ts';
import { isRedriveWish } from './run-entries.ts';

/**
 * Which dead letters of each run of a pipeline are to be tried again. It stands in the pipeline's bucket as
 * `redrive.<run>`, and is absent when that is done.
 */
export class RedriveWishes {
  readonly #entries: EntryStore;

  constructor(entries: EntryStore) {
    this.#entries = entries;
  }

  /** What is wanted, and the revision of that wish. One that only a newer version of Leat can read is left to it. */
  async get(
    run: string,
  ): Promise<{ readonly wish: RedriveWish; readonly revision: number } | undefined> {
    const entry = await this.#entries.find(keyOf(run), isRedriveWish);
    return entry && { wish: entry.value, revision: entry.revision };
  }

  /**
   * Asks for dead letters of a run to be tried again, in place of what was asked before.
   *
   * @throws LeatError `newer-version`, or `invalid-configuration` as `RunWishes.set`
   */
  async set(run: string, wish: RedriveWish): Promise<void> {
    await demandKey(this.#entries, run);
    await this.#entries.put(keyOf(run), wish);
  }

  /** Notes that a wish is fulfilled; one that has taken its place since then stays. */
  async end(run: string, revision: number): Promise<void> {
    await this.#entries.remove(keyOf(run), revision);
  }
}

function keyOf(run: string): string {
  return `redrive.${run}`;
}
