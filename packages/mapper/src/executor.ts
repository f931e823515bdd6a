import type { Mapper } from '@leat/sdk';
import { LeatError, messageOf } from '@leat/core';
import type { LogFormat, Logger } from '@leat/sdk/internal';
import { Piscina } from 'piscina';
import type { Job, JobResult } from './job.ts';
import type { PieceLimits } from './results.ts';
import type { RemoteData } from './remote-worker.ts';
import { ChunkWorker } from './worker.ts';

/** A worker thread ended instead of answering: it was killed by the chunk, or by one beside it. */
export class ThreadDied extends Error {
  override readonly name: string = 'ThreadDied';
}

/** Runs the user's function, here or in other threads. */
export interface Executor {
  /** How many chunks it can work on at the same time. */
  readonly parallel: number;
  readonly run: (job: Job, signal: AbortSignal) => Promise<JobResult>;
  readonly close: () => Promise<void>;
}

export interface ExecutorOptions {
  readonly limits: PieceLimits;
  /** The file that exports the pipeline; threads load it again. */
  readonly pipelineFile: string | undefined;
  readonly logger: Logger;
  readonly log: { readonly format: LogFormat; readonly level: string };
}

/** @throws LeatError `invalid-pipeline` if threads are wanted and there is no file for them to load */
export function createExecutor(mapper: Mapper, options: ExecutorOptions): Executor {
  return mapper.threads === 0 ? inlineExecutor(mapper, options) : threadExecutor(mapper, options);
}

function inlineExecutor(mapper: Mapper, { limits, logger }: ExecutorOptions): Executor {
  const worker = new ChunkWorker(mapper, limits, logger);
  return {
    // Enough chunks for the records that may be worked on at once.
    parallel: Math.ceil(mapper.concurrency / limits.chunkSize),
    run: (job, signal) => worker.work(job, signal),
    close: () => Promise.resolve(),
  };
}

function threadExecutor(mapper: Mapper, options: ExecutorOptions): Executor {
  const { pipelineFile, limits, log } = options;
  if (pipelineFile === undefined) {
    throw new LeatError(
      'invalid-pipeline',
      `The mapper ${mapper.name} wants ${mapper.threads} threads, which need a pipeline file to load: start it by the leat command.`,
    );
  }
  const workerData: RemoteData = { pipelineFile, stage: mapper.name, limits, log };
  const chunksPerThread = Math.ceil(mapper.concurrency / limits.chunkSize);
  const pool = new Piscina({
    filename: new URL('./thread.js', import.meta.url).href,
    minThreads: mapper.threads,
    maxThreads: mapper.threads,
    concurrentTasksPerWorker: chunksPerThread,
    workerData,
  });
  return {
    parallel: mapper.threads * chunksPerThread,
    run: async (job, signal) => {
      // A copy that can be handed over whole: the body is a window into what came off the socket.
      const body = new Uint8Array(job.body);
      const handOver = { signal, transferList: [body.buffer] };
      try {
        return (await pool.run({ ...job, body }, handOver)) as JobResult;
      } catch (error) {
        signal.throwIfAborted();
        throw new ThreadDied(messageOf(error), { cause: error });
      }
    },
    close: () => pool.destroy(),
  };
}
