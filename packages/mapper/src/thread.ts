import type { Mapper } from '@leat/sdk';
import { createLogger, loadPipeline, type LogFormat } from '@leat/sdk/internal';
import { workerData } from 'piscina';
import type { Job, JobResult } from './job.ts';
import type { PieceLimits } from './results.ts';
import { ChunkWorker } from './worker.ts';

/** What a worker thread is started with: functions cannot be handed over, so it loads the file itself. */
export interface ThreadData {
  readonly pipelineFile: string;
  readonly stage: string;
  readonly limits: PieceLimits;
  readonly log: { readonly format: LogFormat; readonly level: string };
}

const { pipelineFile, stage, limits, log } = workerData as ThreadData;
const pipeline = await loadPipeline(pipelineFile);
const mapper = pipeline.stages.find((each) => each.name === stage) as Mapper;
const worker = new ChunkWorker(mapper, limits, createLogger(log));
const never = new AbortController();

/** Entry point of the thread pool. */
export default function work(job: Job): Promise<JobResult> {
  return worker.work(job, never.signal);
}
