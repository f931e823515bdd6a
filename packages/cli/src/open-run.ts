import { hostname } from 'node:os';
import {
  checkRunId,
  isResumable,
  LeatError,
  mayBeRedriven,
  newRunId,
  type RunProgress,
  type RunRequest,
  specDifference,
} from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import type { Runs } from '@leat/sdk/internal';

/** What a run is to be opened with. */
export interface RunWish {
  readonly pipeline: Pipeline;
  readonly file: string;
  readonly params: Readonly<Record<string, string>>;
  /** The variables that have further ones. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The id that was asked for, if any. */
  readonly run?: string;
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
  const request: RunRequest = {
    run: wish.run ?? newRunId(now, Math.random()),
    ...(wish.run !== undefined && { isIdGiven: true }),
    pipeline: wish.pipeline.name,
    params: wish.params,
    ...(Object.keys(wish.secrets).length > 0 && { secrets: wish.secrets }),
    spec: wish.pipeline.spec,
    file: wish.file,
    createdAt: now,
  };
  await runs.create(request);
  return { request, isResumed: false };
}

async function resume(runs: Runs, request: RunRequest, wish: RunWish): Promise<OpenedRun> {
  const { run } = request;
  const difference = specDifference(request.spec, wish.pipeline.spec);
  if (difference !== undefined) {
    throw new LeatError(
      'invalid-pipeline',
      `The run ${run} does not fit this pipeline file: ${difference}. Put the file back to go on with it, or name a new run with --run.`,
    );
  }
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
  await runs.changeWish(run, 'pause', 'run');
  return { request, isResumed: true };
}

/** A name for this process's connections. */
export function connectionName(role: string): string {
  return `leat ${role} on ${hostname()} (${process.pid})`;
}
