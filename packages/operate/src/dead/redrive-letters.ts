import { type DeadLetterChoice, LeatError, mayBeRedriven, type RunState } from '@leat/core';
import { DeadLetterStore, type LeftOut, surveyDeadLetters } from '@leat/runtime';
import { findLetters, findRun, type RunName } from '../runs/find-run.ts';
import type { Site } from '../site.ts';

/** What will be tried again. */
export interface Redrive {
  readonly run: string;
  readonly pipeline: string;
  /** The pipeline file that the run says it was started with, to be shown and never loaded. */
  readonly file?: string;
  /** How many records will be tried again, as soon as the services of the pipeline are running. */
  readonly records: number;
  /** How many of the chosen records will not be, by the reason. */
  readonly leftOut: Readonly<Partial<Record<LeftOut, number>>>;
}

/**
 * Asks for dead letters of a run to be tried again.
 *
 * @throws LeatError `run-unknown`, or `run-state` unless the whole dataset of the run is settled
 */
export async function redriveLetters(
  site: Site,
  name: RunName,
  choice: DeadLetterChoice,
): Promise<Redrive> {
  const { run } = name;
  const { pipeline } = await findLetters(site, name);
  const { request, runs } = await findRun(site, { run, pipeline });
  demandSettled(run, (await runs.progress(run))?.progress.state ?? 'pending');
  const store = await DeadLetterStore.open(site.nats, pipeline, site.signing);
  const wish = { ...choice, upTo: await store.last() };
  const survey = await surveyDeadLetters(store, request, wish);
  const records = survey.places.length;
  if (records > 0) {
    // A pause from before it ended is over.
    await runs.wishes.set(run, 'run');
    await runs.redrives.set(run, wish);
  }
  return {
    run,
    pipeline,
    ...(request.file !== undefined && { file: request.file }),
    records,
    leftOut: Object.fromEntries(survey.leftOut),
  };
}

/** @throws LeatError `run-state` unless the whole dataset is settled */
function demandSettled(run: string, state: RunState): void {
  if (mayBeRedriven(state)) return;
  const what =
    state === 'cancelled'
      ? 'was cancelled: nothing of it is tried again, start another run'
      : state === 'failed'
        ? 'has failed: let it go on first, by "leat resume"'
        : `is ${state}: wait until it has ended`;
  throw new LeatError('run-state', `The run ${run} ${what}.`);
}
