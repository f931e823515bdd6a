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

/** Works on chunks whose parameters it reads anew. */
export type RemoteWorker = (job: RemoteJob, wanted: Wanted, clock: WorkClock) => Promise<JobResult>;

export async function remoteWorker(data: RemoteData): Promise<RemoteWorker> {
  const pipeline = await loadPipeline(data.pipelineFile);
  const mapper = pipeline.stages.find((each) => each.name === data.stage) as Mapper;
  const worker = new ChunkWorker(mapper, createLogger(data.log));
  return async (job, wanted, clock) =>
    worker.work({ ...job, run: readRun(pipeline, job.given) }, wanted, clock);
}
