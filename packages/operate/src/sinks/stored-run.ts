import {
  LeatError,
  messageOf,
  reportOf,
  type RunProgress,
  type RunReport,
  type RunRequest,
  type SinkIdentity,
  withLinksOf,
} from '@leat/core';
import { demandPipeline, misfitOf, openSinkToRead } from '@leat/runtime';
import type { Pipeline, Saver, SinkSession } from '@leat/sdk';
import { findRun } from '../runs/find-run.ts';
import type { Site } from '../site.ts';

/** A run whose sinks can be read. */
export interface StoredRun {
  readonly request: RunRequest;
  readonly progress: RunProgress | undefined;
  readonly report: RunReport;
  readonly pipeline: Pipeline;
  readonly savers: readonly Saver[];
}

/**
 * Finds a run of a pipeline.
 *
 * @throws LeatError `run-unknown`, or `invalid-pipeline` if the run has another graph
 */
export async function storedRun(site: Site, run: string, pipeline: Pipeline): Promise<StoredRun> {
  demandPipeline(pipeline);
  const { request, runs } = await findRun(site, { run, pipeline: pipeline.name });
  const progress = (await runs.progress(run))?.progress;
  // Which stages have queues means nothing to the sinks.
  const misfit = misfitOf(request, withLinksOf(pipeline.spec, request.spec));
  if (misfit !== undefined) throw misfit;
  return {
    request,
    progress,
    report: reportOf(request, progress),
    pipeline,
    savers: pipeline.stages.filter((stage): stage is Saver => stage.kind === 'saver'),
  };
}

/**
 * Opens the sink of one of the run's savers, to read what it has.
 *
 * @throws LeatError `unreachable` if it does not answer, and what else the sink says
 */
export async function openStored(
  site: Site,
  { request, pipeline }: StoredRun,
  saver: Saver,
): Promise<SinkSession> {
  try {
    const session = await openSinkToRead(request, pipeline, saver, site.logger);
    return {
      ...(session.identity !== undefined && { identity: session.identity }),
      receipts: () => readable(saver, session.receipts()),
      read: () => readable(saver, session.read()),
      commit: (chunks) => session.commit(chunks),
      close: () => session.close(),
    };
  } catch (error) {
    if (error instanceof LeatError) throw error;
    throw new LeatError(
      'unreachable',
      `The sink of the saver ${saver.name} does not answer (${messageOf(error)}): start it, or correct its address, and try again.`,
      { cause: error },
    );
  }
}

/** What a sink gives, and a sentence where it cannot be read. */
async function* readable<T>({ name }: Saver, all: AsyncIterable<T>): AsyncGenerator<T, void> {
  try {
    yield* all;
  } catch (error) {
    if (error instanceof LeatError) throw error;
    throw new LeatError(
      'sink-unfit',
      `The sink of the saver ${name} cannot be read to its end (${messageOf(error)}): put back what was saved there, and try again.`,
      { cause: error },
    );
  }
}

/** Why a saver's sink, as it was opened, is not the one that the run was saved into. */
export function otherSink(
  { progress }: StoredRun,
  saver: string,
  found: SinkIdentity | undefined,
): LeatError | undefined {
  const known = progress?.sinks?.[saver];
  if (known === undefined || found === undefined || known.mark === found.mark) return undefined;
  return new LeatError(
    'sink-taken',
    known.place === found.place
      ? `${saver}: ${known.place} is not what the run was saved into: it was removed, or another was put in its place.`
      : `${saver}: the run was saved into ${known.place}, and the pipeline file leads to ${found.place}.`,
  );
}
