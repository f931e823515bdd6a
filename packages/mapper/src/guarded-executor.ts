import { isA, LeatError, messageOf } from '@leat/core';
import type { Mapper } from '@leat/sdk';
import { createExecutor, type Executor, type ExecutorOptions } from './executor.ts';
import type { HelperMeans } from './helper.ts';
import { isolate } from './isolate.ts';
import type { JobResult, ServiceJob } from './job.ts';
import { Quarantine, SUSPICIOUS_DELIVERIES } from './quarantine.ts';
import type { WorkedOn } from './outcome.ts';
import { resultIn } from './results.ts';
import { wantedUntil } from './watch.ts';
import { ChunkWorker } from './worker.ts';

/**
 * Works on chunks, and on those where they can do no harm that are suspected to kill their process, or that
 * failed as a whole. Without a pipeline file, which the quarantine loads, they are halved here.
 */
export class GuardedExecutor {
  readonly #executor: Executor;
  readonly #isolating: Isolating;
  /** Whether chunks are isolated where they do no harm. */
  readonly #isSafe: boolean;

  /** @throws LeatError `invalid-pipeline` if threads or a time-out are wanted and there is no file to load */
  constructor(mapper: Mapper, options: ExecutorOptions) {
    const { pipelineFile, log, logger, stores } = options;
    this.#executor = createExecutor(mapper, options);
    this.#isSafe = pipelineFile !== undefined;
    this.#isolating =
      pipelineFile === undefined
        ? isolatingHere(mapper, { logger, stores })
        : new Quarantine({ pipelineFile, stage: mapper.name, log }, mapper, { logger, stores });
  }

  /** How many chunks it can work on at the same time. */
  get parallel(): number {
    return this.#executor.parallel;
  }

  /**
   * @param deliveries how often the chunk has been given out, this time included
   * @throws the signal's reason; LeatError `invalid-message`, or `invalid-pipeline` if the file cannot be loaded
   * again
   */
  async run(job: ServiceJob, deliveries: number, signal: AbortSignal): Promise<JobResult> {
    if (this.#isSafe && deliveries >= SUSPICIOUS_DELIVERIES) {
      return this.#isolating.run(job, `delivered ${deliveries} times`, signal);
    }
    try {
      return await this.#executor.run(job, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isA(error, LeatError)) throw error;
      return this.#isolating.run(job, messageOf(error), signal);
    }
  }

  async close(): Promise<void> {
    this.#isolating.close();
    await this.#executor.close();
  }
}

/** Where chunks are worked on that are suspected, or failed as a whole. */
type Isolating = Pick<Quarantine, 'run' | 'close'>;

/** Halves chunks here: one that failed as a whole without harm to its process. */
function isolatingHere(mapper: Mapper, { logger, stores }: HelperMeans): Isolating {
  const worker = new ChunkWorker(mapper, logger, stores);
  return {
    run: async (job, why, signal) => {
      logger.warn({ run: job.run.id, chunk: job.chunk }, `chunk worked on in parts: ${why}`);
      const attempt = (part: ServiceJob): Promise<WorkedOn> =>
        worker.workOn(part, wantedUntil(signal));
      return resultIn(mapper.work, job, await isolate({ job, mapper, attempt, signal }));
    },
    close: () => undefined,
  };
}
