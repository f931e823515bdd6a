import {
  identityOf,
  LeatError,
  reportOf,
  type RunProgress,
  type RunReport,
  type RunRequest,
  type SinkIdentity,
} from '@leat/core';
import type { Pipeline, Saver, SinkSession } from '@leat/sdk';
import { loadPipeline, misfitOf, runInfoOf } from '@leat/runtime';
import type { Call } from './command.ts';
import { plain } from './dead-letter-text.ts';
import { findRun, withRuns } from './find-run.ts';
import { notedFile } from './noted-file.ts';

/** A run whose sinks can be read. */
export interface StoredRun {
  readonly request: RunRequest;
  readonly progress: RunProgress | undefined;
  readonly report: RunReport;
  readonly pipeline: Pipeline;
  readonly savers: readonly Saver[];
}

/**
 * Finds the run that a command names, and its pipeline: in the file that is given as second operand, or that
 * `leat dev` has noted for its own runs.
 *
 * @param command its name, for a sentence that says what to call instead
 * @throws LeatError `run-unknown`, or `invalid-configuration` if the file is not known, or another pipeline's, or
 *   which run is meant
 */
export async function storedRun(call: Call, command: string): Promise<StoredRun> {
  const [id = '', file] = call.operands;
  const { request, progress, isOfDev } = await withRuns(call, async (place) => {
    const { request: found, runs } = await findRun(place, id);
    return {
      request: found,
      progress: (await runs.progress(id))?.progress,
      isOfDev: place.isOfDev,
    };
  });
  const noted = isOfDev ? await notedFile(call.settings.stateDir, request.pipeline) : undefined;
  const path = file ?? noted;
  if (path === undefined) throw nameTheFile(request, command);
  const pipeline: Pipeline = await loadPipeline(path);
  if (pipeline.name !== request.pipeline) {
    const wanted = plain(request.pipeline);
    throw new LeatError(
      'invalid-configuration',
      `The run ${id} is of the pipeline ${wanted}, and the file ${path} has the pipeline ${pipeline.name}: name the file of ${wanted}.`,
    );
  }
  const misfit = misfitOf(request, pipeline.spec);
  if (misfit !== undefined) throw misfit;
  return {
    request,
    progress,
    report: reportOf(request, progress),
    pipeline,
    savers: pipeline.stages.filter((stage): stage is Saver => stage.kind === 'saver'),
  };
}

/** The file that the run itself names is not loaded: others may write into the bucket where it says so. */
function nameTheFile({ run, file }: RunRequest, command: string): LeatError {
  const hint = file === undefined ? '' : ` (the run says it was started with ${plain(file)})`;
  return new LeatError(
    'invalid-configuration',
    `Name the pipeline file of the run ${run}: leat ${command} ${run} pipeline.ts${hint}.`,
  );
}

/** What is wrong with a sink that the run was not saved into. */
export function otherSink(saver: string, known: SinkIdentity, found: SinkIdentity): string {
  if (known.place === found.place) {
    return `${saver}: ${known.place} is not what the run was saved into: it was removed, or another was put in its place.`;
  }
  return `${saver}: the run was saved into ${known.place}, and the pipeline file leads to ${found.place}.`;
}

/** Opens a saver's sink, to read what is in it. */
export async function withSink<T>(
  call: Call,
  { request, pipeline }: StoredRun,
  saver: Saver,
  use: (session: SinkSession) => Promise<T>,
): Promise<T> {
  const run = runInfoOf(request, pipeline);
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
