import type { Mapper } from '@leat/sdk';
import { createExecutor, type Executor, type ExecutorOptions, ThreadDied } from './executor.ts';
import type { JobResult, ServiceJob } from './job.ts';
import { Quarantine, SUSPICIOUS_DELIVERIES } from './quarantine.ts';
import { TimedOut } from './watch.ts';

/**
 * Works on chunks, and on those where it can do no harm that are suspected to kill their process, or did not
 * end. Without a pipeline file, which the quarantine loads, there is no such place.
 */
export class GuardedExecutor {
  readonly #executor: Executor;
  readonly #quarantine: Quarantine | undefined;

  /** @throws LeatError `invalid-pipeline` if threads or a time-out are wanted and there is no file to load */
  constructor(mapper: Mapper, options: ExecutorOptions) {
    const { pipelineFile, log, logger } = options;
    this.#executor = createExecutor(mapper, options);
    this.#quarantine =
      pipelineFile === undefined
        ? undefined
        : new Quarantine({ pipelineFile, stage: mapper.name, log }, mapper.timeoutMs, logger);
  }

  /** How many chunks it can work on at the same time. */
  get parallel(): number {
    return this.#executor.parallel;
  }

  /**
   * @param deliveries how often the chunk has been given out, this time included
   * @throws the signal's reason; LeatError `invalid-message`
   */
  async run(job: ServiceJob, deliveries: number, signal: AbortSignal): Promise<JobResult> {
    const quarantine = this.#quarantine;
    if (quarantine === undefined) return this.#executor.run(job, signal);
    if (deliveries >= SUSPICIOUS_DELIVERIES) {
      return quarantine.run(job, `delivered ${deliveries} times`, signal);
    }
    try {
      return await this.#executor.run(job, signal);
    } catch (error) {
      if (!(error instanceof ThreadDied || error instanceof TimedOut)) throw error;
      return quarantine.run(job, error.message, signal);
    }
  }

  async close(): Promise<void> {
    this.#quarantine?.close();
    await this.#executor.close();
  }
}
