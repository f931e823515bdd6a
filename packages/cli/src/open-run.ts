import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import {
  checkRunId,
  isResumable,
  LeatError,
  mayBeRedriven,
  newBirthMark,
  newRunId,
  type RunProgress,
  type RunRequest,
} from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import { misfitOf, type Runs } from '@leat/runtime';
import type { CommandOption } from './command.ts';

/** The option of whoever starts a run. */
export const RECOVER: CommandOption = {
  type: 'boolean',
  meaning: 'Go on with what the sinks have of a run with this id that NATS does not know any more.',
};

/** What a run is to be opened with. */
export interface RunWish {
  readonly pipeline: Pipeline;
  readonly file: string;
  readonly params: Readonly<Record<string, string>>;
  /** The variables that have further ones. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The id that was asked for, if any. */
  readonly run?: string;
  /** See `RunRequest.isRecovered`. */
  readonly isRecovered?: boolean;
}

/** A run to work on: a new one, or one that goes on. */
export interface OpenedRun {
  readonly request: RunRequest;
  readonly isResumed: boolean;
}

/**
 * Creates a run; or, if the id belongs to one that failed, was interrupted or rests, lets it go on.
 *
 * @throws LeatError `run-exists` if a run of that id has ended well, or `invalid-pipeline` if it belongs
 * to another graph
 */
export async function openRun(runs: Runs, wish: RunWish): Promise<OpenedRun> {
  if (wish.run !== undefined) {
    checkRunId(wish.run);
    const request = await runs.get(wish.run);
    if (request !== undefined) return resume(runs, request, wish);
  }
  const now = new Date().toISOString();
  const { chunkSize, maxBytes } = wish.pipeline.fetcher;
  const request: RunRequest = {
    run: wish.run ?? newRunId(now, Math.random()),
    ...(wish.run !== undefined && { isIdGiven: true }),
    pipeline: wish.pipeline.name,
    params: wish.params,
    ...(Object.keys(wish.secrets).length > 0 && { secrets: wish.secrets }),
    spec: wish.pipeline.spec,
    file: wish.file,
    createdAt: now,
    born: newBirthMark(Math.random()),
    limits: { chunkSize, maxBytes },
    ...(wish.isRecovered === true && { isRecovered: true }),
  };
  await runs.create(request);
  return { request, isResumed: false };
}

async function resume(runs: Runs, request: RunRequest, wish: RunWish): Promise<OpenedRun> {
  const { run } = request;
  const misfit = misfitOf(request, wish.pipeline.spec);
  if (misfit !== undefined) throw misfit;
  demandSameParams(request, wish);
  const entry = await runs.progress(run);
  const state = entry?.progress.state ?? 'pending';
  const isRedriven = mayBeRedriven(state) && (await runs.redrive(run)) !== undefined;
  if (!isResumable(state) && !isRedriven) {
    throw new LeatError('run-exists', `The run ${run} has ended (${state}): choose another id.`);
  }
  if (entry !== undefined && state === 'failed') {
    const { reason: _, endedAt: __, ...rest } = entry.progress;
    const reopened: RunProgress = {
      ...rest,
      state: 'running',
      updatedAt: new Date().toISOString(),
    };
    await runs.save(run, reopened, entry.revision);
  }
  if (wish.isRecovered === true) await runs.replace({ ...request, isRecovered: true });
  await runs.changeWish(run, 'pause', 'run');
  return { request, isResumed: true };
}

/** A run goes on with its own parameters: they may say what its dataset is. */
function demandSameParams({ run, params }: RunRequest, wish: RunWish): void {
  if (Object.keys(wish.params).length === 0 || isDeepStrictEqual(params, wish.params)) return;
  const given = Object.entries(params).map(([key, value]) => `${key}=${value}`);
  throw new LeatError(
    'invalid-configuration',
    `The run ${run} has other parameters (${given.join(', ') || 'none'}): leave --param away to go on with it, or choose another run id.`,
  );
}

/** A name for this process's connections. */
export function connectionName(role: string): string {
  return `leat ${role} on ${hostname()} (${process.pid})`;
}
