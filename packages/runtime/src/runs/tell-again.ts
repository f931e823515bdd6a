import type { RunRequest, RunWish } from '@leat/core';
import type { Logger } from '@leat/sdk';
import type { Runs } from './runs.ts';

/** A fetcher that lives tells its run again within seconds, and knows more of it. */
const MISSES = 2;

/** What a replica knows of a run. */
export interface Remembered {
  readonly request: RunRequest;
  /** Whether it had not ended when its progress was last seen. */
  readonly isOpen: boolean;
  /** What its operator was last heard to want. */
  readonly said: { readonly wish: RunWish };
  /** How often in a row the broker did not know it. */
  misses: number;
}

/**
 * Tells the broker again of a run that it has lost while no fetcher lives, so that the next one finds it: with what is
 * in its sinks, if its ledger is gone, too. To be called every few seconds.
 */
export async function tellAgainIfLost(
  known: Remembered,
  { runs, logger }: { readonly runs: Runs; readonly logger: Logger },
): Promise<void> {
  const { request } = known;
  const { run } = request;
  const { wish } = known.said;
  if (!known.isOpen || wish === 'cancel') return;
  known.misses = (await runs.get(run)) === undefined ? known.misses + 1 : 0;
  if (known.misses < MISSES) return;
  const isLedgerThere = (await runs.progress(run)) !== undefined;
  await runs.restore({ ...request, ...(!isLedgerThere && { isRecovered: true }) });
  logger.warn({ run, isLedgerThere }, 'the broker has lost the run, and is told of it again');
  if (wish === 'pause') await runs.wishes.change(run, 'run', 'pause');
}
