import type { RunWish } from '@leat/core';
import { type EntryStore, isWrongRevision } from './entry-store.ts';
import { demandKey } from './demand-key.ts';
import { isRunWish } from './run-entries.ts';

/** What an operator has said. */
export interface SaidWish {
  readonly wish: RunWish;
  readonly revision: number;
}

/**
 * What the operator wants of each run of a pipeline: to pause, to cancel, or to go on. It stands in the pipeline's
 * bucket as `wish.<run>`. All methods throw LeatError `newer-version` if only a newer Leat can read it.
 */
export class RunWishes {
  readonly #entries: EntryStore;

  constructor(entries: EntryStore) {
    this.#entries = entries;
  }

  /** What is wanted of a run: `run`, if nothing was said. */
  async get(run: string): Promise<RunWish> {
    return (await this.#entries.get(keyOf(run), isRunWish))?.value ?? 'run';
  }

  /** As {@link get}, with what tells one wish from the same one that was said again: 0 if nothing was said. */
  async look(run: string): Promise<SaidWish> {
    const entry = await this.#entries.get(keyOf(run), isRunWish);
    return { wish: entry?.value ?? 'run', revision: entry?.revision ?? 0 };
  }

  /** @throws LeatError `invalid-configuration` if the run is signed, and this process has no key */
  async set(run: string, wish: RunWish): Promise<void> {
    await demandKey(this.#entries, run);
    await this.#entries.put(keyOf(run), wish);
  }

  /**
   * Changes what is wanted of a run, unless the operator wants something else by now.
   *
   * @returns whether it was `from`, and is `to`
   * @throws LeatError `invalid-configuration`, as {@link set}
   */
  async change(run: string, from: RunWish, to: RunWish): Promise<boolean> {
    const key = keyOf(run);
    const entry = await this.#entries.get(key, isRunWish);
    if ((entry?.value ?? 'run') !== from) return false;
    await demandKey(this.#entries, run);
    try {
      await this.#entries.update(key, to, entry?.revision ?? 0, isRunWish);
      return true;
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
      return false;
    }
  }
}

function keyOf(run: string): string {
  return `wish.${run}`;
}
