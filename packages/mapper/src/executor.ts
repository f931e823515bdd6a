import type { Mapper } from '@leat/sdk';
import { LeatError } from '@leat/core';
import type { LogFormat } from '@leat/runtime';
import type { HelperMeans } from './helper.ts';
import { type ServiceJob, type JobResult, remoteJobOf } from './job.ts';
import type { RemoteData } from './remote-worker.ts';
import { ThreadPool } from './thread-pool.ts';
import { watched } from './watch.ts';
import { CLOCK_BYTES, WorkClock } from './work-clock.ts';
import { ChunkWorker } from './worker.ts';

/** Runs the user's function, here or in other threads. */
export interface Executor {
  /** How many chunks it can work on at the same time. */
  readonly parallel: number;
  /**
   * @throws TimedOut if the chunk is worked on for too long; what it then still does is left behind
   * @throws whatever ends the work on the chunk as a whole: HelperDied, if its thread ended
   */
  readonly run: (job: ServiceJob, signal: AbortSignal) => Promise<JobResult>;
  readonly close: () => Promise<void>;
}

export interface ExecutorOptions extends HelperMeans {
  /** How many records a chunk most often has; says how many chunks keep a worker busy. */
  readonly chunkSize: number;
  /** The file that exports the pipeline; threads load it again. */
  readonly pipelineFile: string | undefined;
  readonly log: { readonly format: LogFormat; readonly level: string };
}

/** @throws LeatError `invalid-pipeline` if threads or a time-out are wanted and there is no file to load */
export function createExecutor(mapper: Mapper, options: ExecutorOptions): Executor {
  demandFileFor(mapper, options.pipelineFile);
  return mapper.threads === 0 ? inlineExecutor(mapper, options) : threadExecutor(mapper, options);
}

/**
 * Functions cannot be handed to another thread or process: it loads the pipeline file.
 *
 * @throws LeatError `invalid-pipeline` if the mapper needs the file, and there is none
 */
export function demandFileFor(mapper: Mapper, pipelineFile: string | undefined): void {
  const { name, threads, timeoutMs } = mapper;
  if (pipelineFile !== undefined || (threads === 0 && timeoutMs === undefined)) return;
  const what = threads === 0 ? 'a time-out' : `${threads} threads`;
  throw new LeatError(
    'invalid-pipeline',
    `The mapper ${name} has ${what}, for which its pipeline file is loaded again, and only the pipeline was given: give the path or URL of the file that exports it as default.`,
  );
}

function inlineExecutor(mapper: Mapper, { chunkSize, logger, stores }: ExecutorOptions): Executor {
  const worker = new ChunkWorker(mapper, logger, stores);
  const { timeoutMs } = mapper;
  return {
    // Enough chunks for the records that may be worked on at once.
    parallel: Math.ceil(mapper.concurrency / chunkSize),
    run: (job, signal) => {
      const clock = new WorkClock();
      return watched({ job, clock, timeoutMs, logger, signal }, (wanted) =>
        worker.work(job, wanted, clock),
      );
    },
    close: () => Promise.resolve(),
  };
}

function threadExecutor(mapper: Mapper, options: ExecutorOptions): Executor {
  const { chunkSize, logger, log, stores } = options;
  const { timeoutMs } = mapper;
  const { pipelineFile = '' } = options; // demanded above
  const data: RemoteData = { pipelineFile, stage: mapper.name, log };
  const chunksPerThread = Math.ceil(mapper.concurrency / chunkSize);
  const pool = new ThreadPool(mapper.threads, chunksPerThread, data, { logger, stores });
  return {
    parallel: mapper.threads * chunksPerThread,
    run: (job, signal) => {
      const memory = new SharedArrayBuffer(CLOCK_BYTES);
      const clock = new WorkClock(memory);
      // A copy that can be handed over whole: the body is a window into what came off the socket.
      const body = new Uint8Array(job.body);
      const { onWait } = job;
      const copy = {
        job: { ...remoteJobOf(job), body },
        memory,
        onWait,
        handedOver: [body.buffer],
      };
      return watched({ job, clock, timeoutMs, logger, signal }, ({ signal: own }) =>
        pool.run(copy, own),
      );
    },
    close: () => pool.close(),
  };
}
