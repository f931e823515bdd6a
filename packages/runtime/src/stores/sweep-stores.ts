import type { OpenStores } from '@leat/sdk';
import { rootOfKey, runOfKey, STATE_KEYS, STATE_MARKS } from './state-key.ts';

/** What is known of runs. */
export interface SweptRuns {
  /** Whether a run has ended for good, other than by a failure, after which it may go on. */
  readonly isOver: (run: string) => Promise<boolean>;
  /** The roots of a run that have dead letters. */
  readonly rootsWithLetters: (run: string) => Promise<ReadonlySet<number>>;
}

/**
 * Removes what runs that are over have left in the stores of their pipeline. What belongs to a root with a dead letter
 * stays until the letter goes, and so does what the whole run shares. A crash in the midst is harmless: who has
 * used a store has left a mark, and the mark goes last.
 */
export async function sweepStores(
  { state, data }: Pick<OpenStores, 'state' | 'data'>,
  { isOver, rootsWithLetters }: SweptRuns,
): Promise<void> {
  const marks = await state.keys(STATE_MARKS);
  const runs = new Set(marks.map((key) => runOfKey(key) as string));
  for (const run of runs) {
    if (!(await isOver(run))) continue;
    const kept = await rootsWithLetters(run);
    const prefix = STATE_KEYS.run(run);
    for (const store of [data, state]) {
      if (kept.size === 0) await store.deletePrefix(prefix);
      else await removeRoots(store, run, kept);
    }
    if (kept.size === 0) await state.deletePrefix(STATE_KEYS.mark(run));
  }
}

async function removeRoots(
  store: Pick<OpenStores['state'], 'keys' | 'deletePrefix'>,
  run: string,
  kept: ReadonlySet<number>,
): Promise<void> {
  const roots = new Set((await store.keys(STATE_KEYS.run(run))).map(rootOfKey));
  for (const root of roots) {
    if (root !== undefined && !kept.has(root)) {
      await store.deletePrefix(STATE_KEYS.root(run, root));
    }
  }
}
