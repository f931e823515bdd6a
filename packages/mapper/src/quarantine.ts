import type { Mapper } from '@leat/sdk';
import type { Logger } from '@leat/runtime';
import pLimit from 'p-limit';
import { Helper, HelperDied, type HelperMeans } from './helper.ts';
import { inProcess } from './helper-process.ts';
import { Deadly, isolate } from './isolate.ts';
import { type JobResult, remoteJobOf, type ServiceJob } from './job.ts';
import type { WorkedOn } from './outcome.ts';
import type { RemoteData } from './remote-worker.ts';
import { resultIn } from './results.ts';
import { TimedOut, watched } from './watch.ts';
import { WorkClock } from './work-clock.ts';

/**
 * After so many deliveries a chunk is suspected of killing the one who works on it. Innocent ones come here
 * too, after rolling updates; it costs them little.
 */
export const SUSPICIOUS_DELIVERIES = 4;

type Isolated = Pick<Mapper, 'retry' | 'recover' | 'timeoutMs' | 'work'>;

/**
 * Works on chunks that may kill their process (`process.abort`, out of memory) or never end, in a process
 * of their own, one at a time. A chunk that does is halved until the bad record stands alone: see `isolate`.
 */
export class Quarantine {
  readonly #data: RemoteData;
  readonly #mapper: Isolated;
  readonly #logger: Logger;
  readonly #stores: HelperMeans['stores'];
  readonly #oneAtATime = pLimit(1);
  #helper: Helper | undefined;

  constructor(data: RemoteData, mapper: Isolated, { logger, stores }: HelperMeans) {
    this.#data = data;
    this.#mapper = mapper;
    this.#logger = logger;
    this.#stores = stores;
  }

  /**
   * @param why what is held against the chunk, for the log
   * @throws LeatError if nothing can be worked on; the reason of the signal
   */
  run(job: ServiceJob, why: string, signal: AbortSignal): Promise<JobResult> {
    return this.#oneAtATime(async () => {
      signal.throwIfAborted();
      const fields = { run: job.run.id, chunk: job.chunk };
      this.#logger.warn(fields, `chunk worked on in quarantine: ${why}`);
      const attempt = (part: ServiceJob): Promise<WorkedOn> => this.#attempt(part, signal);
      const done = await isolate({ job, mapper: this.#mapper, attempt, signal });
      return resultIn(this.#mapper.work, job, done);
    });
  }

  close(): void {
    void this.#helper?.end();
    this.#helper = undefined;
  }

  async #attempt(part: ServiceJob, signal: AbortSignal): Promise<WorkedOn> {
    const helper = await this.#present();
    const { isFresh } = helper;
    try {
      return await this.#work(helper, part, signal);
    } catch (error) {
      this.close();
      signal.throwIfAborted();
      if (error instanceof TimedOut) throw new Deadly(error.message, { cause: error });
      if (!(error instanceof HelperDied)) throw error;
      // What an earlier part left running may have ended it. A larger part is halved all the same.
      if (part.records === 1 && !isFresh) return this.#attempt(part, signal);
      const died = new ProcessDied(
        `the record ended the process that worked on it (${error.message})`,
      );
      throw new Deadly(died.message, { cause: died });
    }
  }

  #work(helper: Helper, part: ServiceJob, signal: AbortSignal): Promise<WorkedOn> {
    const clock = new WorkClock();
    const { timeoutMs } = this.#mapper;
    const watch = { job: part, clock, timeoutMs, logger: this.#logger, signal };
    return watched(watch, ({ signal: own }) =>
      helper.runPart({ job: remoteJobOf(part), clock, onWait: part.onWait }, own),
    );
  }

  /** One that is there and lives, or a new one. */
  async #present(): Promise<Helper> {
    if (this.#helper?.isAlive === true) return this.#helper;
    const { pipelineFile, stage } = this.#data;
    const sayIdleEnd = (how: string): void =>
      this.#logger.debug({ stage }, `the idle process of the quarantine ended (${how})`);
    const open = inProcess(this.#data);
    this.#helper = await Helper.start(open, pipelineFile, sayIdleEnd, this.#stores);
    return this.#helper;
  }
}

/** A record ended the process that worked on nothing else. */
class ProcessDied extends Error {
  override readonly name: string = 'ProcessDied';
}
