import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@leat/core';
import type { Mapper } from '@leat/sdk';
import { createLogger, loadPipeline, type LogFormat, readRun } from '@leat/runtime';
import type { JobResult, RemoteJob } from './job.ts';
import type { Wanted } from './watch.ts';
import type { WorkClock } from './work-clock.ts';
import { ChunkWorker } from './worker.ts';

/**
 * What a thread or process is started with that works on chunks for a mapper: functions cannot be handed
 * over, so it loads the pipeline file itself.
 */
export interface RemoteData {
  readonly pipelineFile: string;
  readonly stage: string;
  readonly log: { readonly format: LogFormat; readonly level: string };
}

/** The longest that a timer waits; with more it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Works on chunks whose parameters it reads anew. */
export type RemoteWorker = (job: RemoteJob, wanted: Wanted, clock: WorkClock) => Promise<JobResult>;

export async function remoteWorker(data: RemoteData): Promise<RemoteWorker> {
  const pipeline = await loadPipeline(data.pipelineFile);
  const mapper = pipeline.stages.find((each) => each.name === data.stage) as Mapper;
  const logger = createLogger(data.log).child({ stage: data.stage });
  // The result stands: what the function left running must not end the thread, and others' work with it.
  process.on('unhandledRejection', (reason) =>
    logger.warn(`a promise was rejected that nothing waited for: ${messageOf(reason)}`),
  );
  const worker = new ChunkWorker(mapper, logger, ownWait);
  return async (job, wanted, clock) =>
    worker.work({ ...job, run: readRun(pipeline, job.given) }, wanted, clock);
}

/** Its timer is not the global one, which is the user's here: he may have put another in its place. */
async function ownWait(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(Math.min(ms, MAX_TIMER_MS), undefined, { signal });
}
