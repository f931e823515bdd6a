import { LeatError } from '@leat/core';
import type { SinkContext } from '@leat/sdk';

/** What a session says that finds a higher fence in the sink than its own. */
export function fenced({ run, stage, fence }: SinkContext, found: string | number): LeatError {
  return new LeatError(
    'fenced',
    `The sink of the saver ${stage} has the fence ${found} for the run ${run.id}, and this session commits ` +
      `under ${fence}: another fetcher has taken the run over.`,
    Number.isSafeInteger(Number(found)) ? { fence: Number(found) } : {},
  );
}

/** What a session says that was opened without a fence. */
export function openedToRead({ run, stage }: SinkContext): LeatError {
  return new LeatError(
    'fenced',
    `The sink of the saver ${stage} was opened for the run ${run.id} without a fence, to read: nothing ` +
      'can be committed. Open it under the fence of the run.',
  );
}
