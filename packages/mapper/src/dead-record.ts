import { describeThrown } from '@leat/core';
import type { DeadRecord } from '@leat/runtime';
import type { GivenUp } from './outcome.ts';

/** What a dead letter says of a record that was given up. */
export function deadRecord(
  index: number,
  position: string,
  record: string,
  { error, attempts }: GivenUp,
): DeadRecord {
  return { index, position, attempts, error: describeThrown(error), record };
}
