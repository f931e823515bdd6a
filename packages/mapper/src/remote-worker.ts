import { setTimeout as delay } from 'node:timers/promises';
import { describeThrown, LeatError, messageOf } from '@leat/core';
import { createLogger, loadPipeline, type LogFormat, MAX_TIMER_MS, readRun } from '@leat/runtime';
import type { JobResult, RemoteJob } from './job.ts';
import type { Outcome, WorkedOn } from './outcome.ts';
import type { Wanted } from './watch.ts';
import type { WorkClock } from './work-clock.ts';
import { ChunkWorker } from './worker.ts';
import type { StoresInUse } from './state/stores-in-use.ts';

/**
 * What a thread or process is started with that works on chunks for a mapper: functions cannot be handed
 * over, so it loads the pipeline file itself.
 */
export interface RemoteData {
  readonly pipelineFile: string;
  readonly stage: string;
  readonly log: { readonly format: LogFormat; readonly level: string };
}

/** Works on chunks whose parameters it reads again; see `ChunkWorker`. */
export interface RemoteWorker {
  readonly work: (job: RemoteJob, wanted: Wanted, clock: WorkClock) => Promise<JobResult>;
  /** What was thrown is described: as it is it may be too much for any channel. */
  readonly workOn: (job: RemoteJob, wanted: Wanted, clock: WorkClock) => Promise<WorkedOn>;
}

/** @throws LeatError `invalid-pipeline` */
export async function remoteWorker(data: RemoteData, stores: StoresInUse): Promise<RemoteWorker> {
  const logger = createLogger(data.log).child({ stage: data.stage });
  // The result stands: what the function left running must not end the thread, and others' work with it.
  process.on('unhandledRejection', (reason) =>
    logger.warn(`a promise was rejected that nothing waited for: ${messageOf(reason)}`),
  );
  const pipeline = await loadPipeline(data.pipelineFile);
  const mapper = pipeline.stages.find((each) => each.name === data.stage);
  if (mapper?.kind !== 'mapper') {
    const sentence = `The pipeline file ${data.pipelineFile} has no mapper ${data.stage} any more.`;
    throw new LeatError('invalid-pipeline', sentence);
  }
  const worker = new ChunkWorker(mapper, logger, stores, ownWait);
  return {
    work: async (job, wanted, clock) =>
      worker.work({ ...job, run: readRun(pipeline, job.given) }, wanted, clock),
    workOn: async (job, wanted, clock) => {
      const { outcomes, retries, recovered } = await worker.workOn(
        { ...job, run: readRun(pipeline, job.given) },
        wanted,
        clock,
      );
      return { outcomes: outcomes.map(plain), retries, recovered };
    },
  };
}

function plain(outcome: Outcome): Outcome {
  const isGivenUp = typeof outcome === 'object' && 'error' in outcome;
  return isGivenUp ? { ...outcome, error: describeThrown(outcome.error) } : outcome;
}

/** Its timer is not the global one, which is the user's here: he may have put another in its place. */
async function ownWait(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(Math.min(ms, MAX_TIMER_MS), undefined, { signal });
}
