import { type LedgerCheckpoint, type RunProgress, unknownFields } from '@leat/core';

/** What the fetcher says of a run that has not ended, beside its ledger. */
export type Standing = Pick<RunProgress, 'reason' | 'tolerated'> & {
  readonly state: 'running' | 'paused';
};

/** What the run's replicas have noted about it. */
export type Witnessed = Pick<RunProgress, 'sinks' | 'versions'>;

/** All that a fetcher knows of a run that has not ended, as it is written down. */
export type RunCheckpoint = Standing &
  Witnessed &
  Pick<RunProgress, 'pace'> & { readonly ledger: LedgerCheckpoint };

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

const PROGRESS_FIELDS: Readonly<Record<keyof RunProgress, true>> = {
  state: true,
  reason: true,
  tolerated: true,
  holder: true,
  fence: true,
  startedAt: true,
  updatedAt: true,
  endedAt: true,
  sinks: true,
  versions: true,
  pace: true,
  hooks: true,
  ledger: true,
};
const LEDGER_FIELDS: Readonly<Record<keyof LedgerCheckpoint, true>> = {
  watermark: true,
  cursor: true,
  next: true,
  ended: true,
  fraction: true,
  settledAbove: true,
  partly: true,
  redrives: true,
  source: true,
  totals: true,
  digest: true,
};

/** The next progress of a run, with what a newer version of Leat has put beside the fields of this one. */
export function keepUnknown(before: RunProgress | undefined, next: RunProgress): RunProgress {
  return {
    ...unknownFields(before, PROGRESS_FIELDS),
    ...next,
    ledger: { ...unknownFields(before?.ledger, LEDGER_FIELDS), ...next.ledger },
  };
}
