import {
  identityOf,
  LeatError,
  reportOf,
  type RunProgress,
  type RunReport,
  type RunRequest,
} from '@leat/core';
import type { Pipeline, Saver, SinkSession } from '@leat/sdk';
import { loadPipeline, misfitOf, runInfoOf } from '@leat/sdk/internal';
import type { Call } from './command.ts';
import { findRun, withRuns } from './find-run.ts';

/** A run whose sinks can be read. */
export interface StoredRun {
  readonly request: RunRequest;
  readonly progress: RunProgress | undefined;
  readonly report: RunReport;
  readonly pipeline: Pipeline;
  readonly savers: readonly Saver[];
}

/**
 * Finds the run that a command names, and its pipeline: the file that is given as second operand, or the
 * one that the run was started with.
 *
 * @throws LeatError `run-unknown`, or `invalid-configuration` if the file is not known, or which run is meant
 */
export async function storedRun(call: Call): Promise<StoredRun> {
  const [id = '', file] = call.operands;
  const { request, progress } = await withRuns(call, async (place) => {
    const { request: found, runs } = await findRun(place, id);
    return { request: found, progress: (await runs.progress(id))?.progress };
  });
  const path = file ?? request.file;
  if (path === undefined) {
    throw new LeatError(
      'invalid-configuration',
      `The run ${id} does not say which pipeline file it belongs to: name it as second operand.`,
    );
  }
  const pipeline: Pipeline = await loadPipeline(path);
  const misfit = misfitOf(id, request.spec, pipeline.spec);
  if (misfit !== undefined) throw new LeatError('invalid-pipeline', misfit);
  return {
    request,
    progress,
    report: reportOf(request, progress),
    pipeline,
    savers: pipeline.stages.filter((stage): stage is Saver => stage.kind === 'saver'),
  };
}

/** Opens a saver's sink, to read what is in it. */
export async function withSink<T>(
  call: Call,
  { request, pipeline }: StoredRun,
  saver: Saver,
  use: (session: SinkSession) => Promise<T>,
): Promise<T> {
  const run = runInfoOf(request);
  const session = await saver.sink(run).open({
    run,
    identity: identityOf(request, pipeline.fetcher),
    isRecovered: request.isRecovered === true,
    stage: saver.name,
    schema: saver.from.schema,
    logger: call.logger,
  });
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}
