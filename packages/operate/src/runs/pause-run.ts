import { isEnded, LeatError, type RunState } from '@leat/core';
import type { FoundRun } from './find-run.ts';

/** @throws LeatError `run-state` if the run has ended or is being cancelled */
export async function pauseRun({ request: { run }, runs }: FoundRun): Promise<void> {
  demandOpen(run, (await runs.progress(run))?.progress.state);
  // A cancel that comes between the look and the write is not written over.
  for (;;) {
    const wish = await runs.wishes.get(run);
    if (wish === 'cancel') {
      throw new LeatError('run-state', `The run ${run} is being cancelled: it cannot be paused.`);
    }
    if (wish === 'pause' || (await runs.wishes.change(run, wish, 'pause'))) return;
  }
}

/** @throws LeatError `run-state` */
export function demandOpen(run: string, state: RunState = 'pending'): void {
  if (!isEnded(state)) return;
  throw new LeatError('run-state', `The run ${run} has ended (${state}): nothing to do.`);
}
