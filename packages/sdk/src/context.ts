import type { RunInfo } from './contracts.ts';
import type { Logger } from './logger.ts';
import type { TextParams } from './params.ts';

/**
 * What the user's function is given beside its record.
 *
 * @typeParam Params see {@link RunInfo}
 */
export interface StageContext<out Params = TextParams> {
  readonly run: RunInfo<Params>;
  /** The chunk id, for example `42`. */
  readonly chunk: string;
  /** Where in the dataset the record (or the chunk's first record) stands: `line 42 of a.ndjson`. */
  readonly position: string;
  /** 1 the first time, one more after each failure; being busy does not count. */
  readonly attempt: number;
  /** Aborted when the result is no longer wanted: the service stops, or the chunk was lost. */
  readonly signal: AbortSignal;
  /** Carries run, stage and chunk as fields. */
  readonly logger: Logger;
}
