import { isEnded, isResumable, rootOf } from '@leat/core';
import type { OpenStores } from '@leat/sdk';
import type { DeadLetterStore } from '../dead/dead-letter-store.ts';
import type { Runs } from '../runs/runs.ts';
import { sweepStores } from './sweep-stores.ts';

/** What says which runs are over, and which records have dead letters. */
export interface SweepMeans {
  readonly runs: Pick<Runs, 'progress'>;
  readonly letters: Pick<DeadLetterStore, 'letters'>;
}

/** Removes what the runs of a pipeline that are over have left in its stores; see {@link sweepStores}. */
export function sweepRuns(
  stores: Pick<OpenStores, 'state' | 'data'>,
  { runs, letters }: SweepMeans,
): Promise<void> {
  return sweepStores(stores, {
    isOver: async (run) => {
      const state = (await runs.progress(run))?.progress.state;
      return state !== undefined && isEnded(state) && !isResumable(state);
    },
    rootsWithLetters: async (run) => {
      const roots = new Set<number>();
      for await (const { letter } of letters.letters(run)) roots.add(rootOf(letter.chunk));
      return roots;
    },
  });
}
