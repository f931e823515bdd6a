import type { LedgerCheckpoint, RunProgress } from '@leat/core';

/** What the fetcher says of a run that has not ended, beside its ledger. */
export type Standing = Pick<RunProgress, 'reason' | 'tolerated'> & {
  readonly state: 'running' | 'paused';
};

/** What the run's replicas have noted about it. */
export type Witnessed = Pick<RunProgress, 'sinks' | 'versions'>;

/** All that a fetcher knows of a run that has not ended, as it is written down. */
export type RunCheckpoint = Standing & Witnessed & { readonly ledger: LedgerCheckpoint };

/** A run that is paused stays so under its next fetcher; any other is running. */
export function standingOf(progress: RunProgress | undefined): Standing {
  const { state, reason, tolerated } = progress ?? {};
  const isPaused = state === 'paused';
  return {
    state: isPaused ? state : 'running',
    ...(isPaused && reason !== undefined && { reason }),
    ...(tolerated !== undefined && { tolerated }),
  };
}

export function witnessedOf({ sinks, versions }: Partial<RunProgress>): Witnessed {
  return { ...(sinks && { sinks }), ...(versions && { versions }) };
}
