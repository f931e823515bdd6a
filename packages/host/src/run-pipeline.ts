import { LeatError, type RunReport } from '@leat/core';
import type { ParamsSchema } from '@leat/sdk';
import type { LocalRunOptions } from './local-run.ts';
import { startLocalRun } from './start-local-run.ts';
import type { PipelineOrFile } from './pipeline-source.ts';

/**
 * How a whole run is done in one call.
 *
 * @typeParam P the pipeline's schema of parameters; `undefined` where it has none
 */
export type RunPipelineOptions<P extends ParamsSchema | undefined = ParamsSchema | undefined> =
  Omit<LocalRunOptions<P>, 'abort'>;

/**
 * Does a whole run in this process: gets and starts a NATS server of its own, hosts every stage until the run has
 * ended, and leaves nothing behind but the state directory. A run that was interrupted, even by a kill, goes on
 * when the same call is made again.
 *
 * @returns the run's report; its `state` is `paused` if the run has paused by itself, because too many records died
 * @example
 * const report = await runPipeline('pipeline.ts', { params: { file: 'orders.csv' } });
 * @throws LeatError why the run failed, or `run-state` if it was cancelled; or the reason of `signal`, after what
 * is in hand is finished
 */
export async function runPipeline<P extends ParamsSchema | undefined>(
  given: PipelineOrFile<P>,
  options: NoInfer<RunPipelineOptions<P>> = {},
): Promise<RunReport> {
  await using local = await startLocalRun(given, options);
  const { report, error } = await local.ended;
  if (error !== undefined) throw error;
  if (report === undefined) {
    options.signal?.throwIfAborted();
    throw new LeatError(
      'run-state',
      `The run ${local.run} was left before its end: call again to go on with it.`,
    );
  }
  if (report.state === 'cancelled') {
    throw new LeatError('run-state', `The run ${local.run} was cancelled.`);
  }
  return report;
}
