import type { LeatError, RunReport } from '@leat/core';
import type { RunInfo } from '../contracts.ts';
import type { TextParams } from '../params.ts';

/**
 * The run that a hook is called for.
 *
 * @typeParam Params see {@link RunInfo}
 */
export interface HookRun<out Params = TextParams> extends RunInfo<Params> {
  /**
   * `<run>:finally` or `<run>:onFailure`, and `<run>:finally:2` at the second end of a run that had failed or is
   * redriven. It is the same in each attempt: to be passed on to what must not be done twice.
   */
  readonly hook: string;
  /** 1 the first time. */
  readonly attempt: number;
  /** Aborted when the attempt has taken its 60 seconds, or the service stops: its result is no longer wanted. */
  readonly signal: AbortSignal;
}

/** What is done when a run has failed. */
export type OnFailure<Params> = (run: HookRun<Params>, error: LeatError) => void | Promise<void>;

/** What is done when a run ends, however it does. */
export type Finally<Params> = (run: HookRun<Params>, report: RunReport) => void | Promise<void>;
