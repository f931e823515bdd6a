import type { Logger } from '@leat/runtime';
import pLimit, { type LimitFunction } from 'p-limit';
import { Helper, type HelperJob, type HelperMeans } from './helper.ts';
import { inThread } from './helper-thread.ts';
import type { JobResult } from './job.ts';
import type { RemoteData } from './remote-worker.ts';

/** A place for a thread, which is started when there is work and no thread. */
interface Place {
  helper: Helper | undefined;
  starting: Promise<Helper> | undefined;
  /** How many chunks it has. */
  load: number;
}

/** Threads that work on chunks, several each; one that ends is replaced when there is work for it. */
export class ThreadPool {
  readonly #data: RemoteData;
  readonly #logger: Logger;
  readonly #stores: HelperMeans['stores'];
  readonly #places: readonly Place[];
  readonly #limit: LimitFunction;
  #isClosed = false;

  constructor(
    threads: number,
    chunksPerThread: number,
    data: RemoteData,
    { logger, stores }: HelperMeans,
  ) {
    this.#data = data;
    this.#logger = logger;
    this.#stores = stores;
    this.#limit = pLimit(threads * chunksPerThread);
    this.#places = Array.from({ length: threads }, () => ({
      helper: undefined,
      starting: undefined,
      load: 0,
    }));
    // What is wrong with them is told when there is work.
    for (const place of this.#places) this.#helperOf(place).catch(() => undefined);
  }

  /**
   * Has a chunk worked on, in the thread that has the least to do. An abort ends the thread, whatever else it
   * works on.
   *
   * @throws HelperDied; ChunkFailed; LeatError; the reason of the signal
   */
  run(job: HelperJob, signal: AbortSignal): Promise<JobResult> {
    return this.#limit(async () => {
      signal.throwIfAborted();
      const place = this.#places.reduce((least, each) => (each.load < least.load ? each : least));
      place.load++;
      try {
        const helper = await this.#helperOf(place);
        return await helper.run(job, signal);
      } finally {
        place.load--;
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const ends = this.#places.map(async ({ helper, starting }) =>
      ((await starting) ?? helper)?.end(),
    );
    await Promise.allSettled(ends);
  }

  #helperOf(place: Place): Promise<Helper> {
    if (place.helper?.isAlive === true) return Promise.resolve(place.helper);
    place.starting ??= this.#start()
      .then((helper) => (place.helper = helper))
      .finally(() => (place.starting = undefined));
    return place.starting;
  }

  #start(): Promise<Helper> {
    if (this.#isClosed) return Promise.reject(new Error('the threads are closed'));
    const { pipelineFile, stage } = this.#data;
    const sayIdleEnd = (how: string): void => {
      if (!this.#isClosed) this.#logger.warn({ stage }, `an idle worker thread ended (${how})`);
    };
    return Helper.start(inThread(this.#data), pipelineFile, sayIdleEnd, this.#stores);
  }
}
