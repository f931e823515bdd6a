import { LeatError, reportOf, type RunReport } from '@leat/core';
import type { Pipeline, RunInfo, Saver, SinkSession } from '@leat/sdk';
import { loadPipeline, runInfoOf } from '@leat/sdk/internal';
import type { Call } from './command.ts';
import { findRun, withRuns } from './find-run.ts';

/** A run whose sinks can be read. */
export interface StoredRun {
  readonly report: RunReport;
  readonly run: RunInfo;
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
  const { request, report } = await withRuns(call, async (place) => {
    const { request: found, runs } = await findRun(place, id);
    const entry = await runs.progress(id);
    return { request: found, report: reportOf(found, entry?.progress) };
  });
  const path = file ?? request.file;
  if (path === undefined) {
    throw new LeatError(
      'invalid-configuration',
      `The run ${id} does not say which pipeline file it belongs to: name it as second operand.`,
    );
  }
  const pipeline: Pipeline = await loadPipeline(path);
  return {
    report,
    run: runInfoOf(request),
    savers: pipeline.stages.filter((stage): stage is Saver => stage.kind === 'saver'),
  };
}

/** Opens a saver's sink, to read what is in it. */
export async function withSink<T>(
  call: Call,
  run: RunInfo,
  saver: Saver,
  use: (session: SinkSession) => Promise<T>,
): Promise<T> {
  const session = await saver
    .sink(run)
    .open({ run, stage: saver.name, schema: saver.from.schema, logger: call.logger });
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}
