import type { LeatError, RunReport } from '@leat/core';
import type { GivenParamsOf, ParamsSchema, Pipeline } from '@leat/sdk';
import type { ServiceOptions } from './service-options.ts';

/**
 * What a run in this process may be given.
 *
 * @typeParam P the pipeline's schema of parameters; `undefined` where it has none
 */
export interface LocalRunOptions<
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
> extends ServiceOptions {
  /**
   * What the run is started with; checked against the pipeline's schema of parameters, if it has one. It is typed
   * by that schema if a pipeline is given, and by nothing if a file is. What is missing may be in `secrets`, and
   * is found when the run is started.
   * @defaultValue none
   */
  readonly params?: Partial<GivenParamsOf<P>>;
  /**
   * Parameters that are read from the environment, so that no file has them: the names of variables, by the
   * parameters' names.
   * @defaultValue none
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /**
   * The run's id; one that failed, was interrupted or is paused goes on.
   * @defaultValue over the embedded server, the id of a run that was interrupted with the same parameters;
   * else a new one
   */
  readonly run?: string;
  /**
   * Go on with what the sinks have of a run of this id, which NATS does not know any more.
   * @defaultValue `false`
   */
  readonly recover?: boolean;
  /**
   * Begin a new run, also if one was interrupted with the same parameters. That one is left as it is.
   * @defaultValue `false`
   */
  readonly new?: boolean;
  /**
   * Replicas of each mapper.
   * @defaultValue `1`
   */
  readonly mappers?: number;
  /**
   * Where the embedded server keeps its data. One process at a time has it.
   * @defaultValue `'.leat'`
   */
  readonly stateDir?: string;
  /** Told a few times a second how far the run has come. What it throws is a warning in the log. */
  readonly onProgress?: (report: RunReport) => void;
  /** Aborted, it gives back what is in hand. */
  readonly abort?: AbortSignal;
}

/** How a run was left: its report, if it has ended or paused by itself, and why it failed, if it did. */
export interface LocalEnd {
  readonly report?: RunReport;
  readonly error?: LeatError;
}

/** A run that goes on in this process. Disposed of, it leaves nothing behind but its state directory. */
export interface LocalRun extends AsyncDisposable {
  readonly run: string;
  readonly pipeline: Pipeline;
  /** The address of the NATS server. */
  readonly url: string;
  /**
   * Settles when the run has ended, has paused by itself, or was interrupted by the signal.
   *
   * @throws what a stage, or the server, failed with; the run can go on
   */
  readonly ended: Promise<LocalEnd>;
}
