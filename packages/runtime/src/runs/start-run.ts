import { isDeepStrictEqual } from 'node:util';
import {
  checkName,
  type GivenParams,
  isResumable,
  LeatError,
  mayBeRedriven,
  newBirthMark,
  newRunId,
  type RunProgress,
  type RunRequest,
} from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import { misfitOf } from './run-info.ts';
import { checkParams } from './run-params.ts';
import type { ProgressEntry, Runs } from './runs.ts';

/** What a run is to be started with. */
export interface RunStart {
  readonly pipeline: Pipeline;
  /** The pipeline file, to be shown; it is never loaded because a run names it. */
  readonly file?: string;
  /** Checked against the pipeline's schema of parameters; text where it declares none. */
  readonly params: GivenParams;
  /**
   * The names of environment variables that have further parameters, by the parameters' names.
   * @defaultValue none
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /**
   * The run's id; one that failed, was interrupted or is paused goes on.
   * @defaultValue a new id
   */
  readonly run?: string;
  /** See `RunRequest.isRecovered`. */
  readonly isRecovered?: boolean;
}

/** A run to work on: a new one, or one that goes on. */
export interface StartedRun {
  readonly request: RunRequest;
  readonly isResumed: boolean;
}

/**
 * Creates a run; or, if the id belongs to one that failed, was interrupted or is paused, lets it go on. Its
 * parameters are stored as they are given: each service applies the pipeline's schema to them.
 *
 * @throws LeatError `run-exists` if a run of that id has ended well, `invalid-pipeline` if it belongs to another graph,
 * `invalid-configuration` if it has other parameters or they do not fit the pipeline's schema, or `invalid-name` if the id is not valid
 */
export async function startRun(runs: Runs, start: RunStart): Promise<StartedRun> {
  if (start.run !== undefined) {
    checkName('run', start.run);
    const request = await runs.get(start.run);
    if (request !== undefined) return resume(runs, request, start);
  }
  const now = new Date().toISOString();
  const { pipeline, secrets = {} } = start;
  checkParams(pipeline.params, start.params, Object.keys(secrets));
  const { chunkSize, maxBytes } = pipeline.fetcher;
  const request: RunRequest = {
    run: start.run ?? newRunId(now, Math.random()),
    ...(start.run !== undefined && { isIdGiven: true }),
    pipeline: pipeline.name,
    params: start.params,
    ...(Object.keys(secrets).length > 0 && { secrets }),
    spec: pipeline.spec,
    ...(start.file !== undefined && { file: start.file }),
    createdAt: now,
    born: newBirthMark(Math.random()),
    limits: { chunkSize, maxBytes },
    ...(start.isRecovered === true && { isRecovered: true }),
  };
  await runs.create(request);
  return { request, isResumed: false };
}

async function resume(runs: Runs, request: RunRequest, start: RunStart): Promise<StartedRun> {
  const { run } = request;
  const misfit = misfitOf(request, start.pipeline.spec);
  if (misfit !== undefined) throw misfit;
  demandSameParams(request, start);
  checkParams(start.pipeline.params, request.params, Object.keys(request.secrets ?? {}));
  const entry = await runs.progress(run);
  const state = entry?.progress.state ?? 'pending';
  const isRedriven = mayBeRedriven(state) && (await runs.redrives.get(run)) !== undefined;
  if (!isResumable(state) && !isRedriven) {
    throw new LeatError('run-exists', `The run ${run} has ended (${state}): choose another id.`);
  }
  await reopen(runs, run, entry);
  if (start.isRecovered === true) await runs.replace({ ...request, isRecovered: true });
  await runs.wishes.change(run, 'pause', 'run');
  return { request, isResumed: true };
}

/**
 * Lets a run go on that has failed or is paused, as the next fetcher finds it.
 *
 * @throws LeatError `run-state` if it has ended otherwise, or is being cancelled
 */
export async function resumeRun(runs: Runs, run: string): Promise<void> {
  const entry = await runs.progress(run);
  const state = entry?.progress.state ?? 'pending';
  if (!isResumable(state)) {
    throw new LeatError(
      'run-state',
      `The run ${run} has ended (${state}): there is nothing to resume.`,
    );
  }
  if ((await runs.wishes.get(run)) === 'cancel') {
    throw new LeatError('run-state', `The run ${run} is being cancelled: start another run.`);
  }
  await reopen(runs, run, entry);
  await runs.wishes.change(run, 'pause', 'run');
}

/** Makes a run that failed one that a fetcher takes up. */
async function reopen(runs: Runs, run: string, entry: ProgressEntry | undefined): Promise<void> {
  if (entry?.progress.state !== 'failed') return;
  const { reason: _, endedAt: __, ...rest } = entry.progress;
  const reopened: RunProgress = { ...rest, state: 'running', updatedAt: new Date().toISOString() };
  await runs.save(run, reopened, entry.revision);
}

/** A run goes on with its own parameters: they may say what its dataset is. */
function demandSameParams({ run, params }: RunRequest, start: RunStart): void {
  const [known, given] = [textsOf(params), textsOf(start.params)];
  if (given.length === 0 || isDeepStrictEqual(known, given)) return;
  throw new LeatError(
    'invalid-configuration',
    `The run ${run} has other parameters (${known.join(', ') || 'none'}): give no parameters to go on with it, or choose another run id.`,
  );
}

/** Parameters as `--param` takes them, in one order. */
function textsOf(params: GivenParams): string[] {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .toSorted();
}
