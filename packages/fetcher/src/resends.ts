import { LeatError } from '@leat/core';
import type { PipelineConnection } from '@leat/runtime';

/** How often a chunk or record may be lost before it is clear that it will always be. */
const MAX_RESENDS = 20;

/** @throws LeatError `run-failed` if something has been sent again too often */
export function demandResends(what: string, resends: number): void {
  if (resends <= MAX_RESENDS) return;
  throw new LeatError(
    'run-failed',
    `${what} was sent ${resends} times and lost each time: the log of mappers and savers says why they dropped it.`,
  );
}

/** What has been sent again too often, with what stages have said of the run lately: that may be why. */
export async function withTroubles(
  failure: LeatError,
  { runs }: PipelineConnection,
  run: string,
): Promise<LeatError> {
  if (failure.code !== 'run-failed') return failure;
  const troubles = await runs.notes.troubles(run).catch(() => []);
  if (troubles.length === 0) return failure;
  const said = troubles.map(({ stage, reason }) => `${stage} said: ${reason}`);
  return new LeatError('run-failed', [failure.message, ...said].join(' '), { cause: failure });
}
