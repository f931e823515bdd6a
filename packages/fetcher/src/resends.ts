import { LeatError } from '@leat/core';

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
