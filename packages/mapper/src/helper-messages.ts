import type { LeatErrorCode, ThrownDescription } from '@leat/core';
import type { JobResult, RecordWait, RemoteJob } from './job.ts';
import type { WorkedOn } from './outcome.ts';
import type { StoreQuestion } from './state/remote-stores.ts';

/** Marks what is Leat's own: user code may send messages over the same channel. */
const MARK = 'leat-helper';

/** What a helper is asked: a chunk, whole or in part, by a number that its answers have. */
export interface HelperTask {
  readonly number: number;
  readonly job: RemoteJob;
  /** Where the chunk's clock is to stand; without it the clock's states are answers. */
  readonly clock?: SharedArrayBuffer | undefined;
  /** Whether what became of each record is wanted, and not of the chunk. */
  readonly isPart: boolean;
}

/** What the work on a task has come to. */
export type HelperResult =
  | { readonly result: JobResult }
  | { readonly workedOn: WorkedOn }
  /** A `LeatError`: the chunk cannot be worked on. */
  | { readonly refused: { readonly code: LeatErrorCode; readonly message: string } }
  /** Anything else that ended the work on the chunk as a whole. */
  | { readonly failed: ThrownDescription };

/** What a helper says. */
export type HelperAnswer =
  | { readonly ready: true }
  /** Why there will be no work: the pipeline file cannot be loaded. */
  | { readonly unloadable: string }
  | { readonly number: number; readonly clock: bigint }
  /** See `OnWait`. */
  | { readonly number: number; readonly position: string; readonly wait: RecordWait | undefined }
  | StoreQuestion
  | ({ readonly number: number } & HelperResult);

/** A message as it goes over the channel. */
export function marked<T extends object>(message: T): T {
  return { ...message, mark: MARK };
}

/** Whether what came over the channel is Leat's own. */
export function isMarked(message: unknown): message is object {
  return (
    typeof message === 'object' && message !== null && 'mark' in message && message.mark === MARK
  );
}
