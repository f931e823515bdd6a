import {
  classifyFailure,
  decideRetry,
  formatPosition,
  LeatError,
  messageOf,
  type RetryPolicy,
} from '@leat/core';
import type { Mapper, StageContext } from '@leat/sdk';
import { type Logger, type ReadRecord, readRecords, wait } from '@leat/sdk/internal';
import pLimit, { type LimitFunction } from 'p-limit';
import { encodeResults } from './encode.ts';
import type { Job, JobResult } from './job.ts';
import type { Outcome } from './outcome.ts';
import { type PieceLimits, resultOf } from './results.ts';

/** How long work that never waits may keep the event loop to itself. */
const TURN_MS = 20;

/** Works on chunks with the user's function, in whatever thread it is made. */
export class ChunkWorker {
  readonly #mapper: Mapper;
  readonly #limits: PieceLimits;
  readonly #logger: Logger;
  readonly #limit: LimitFunction;
  /** Whether the function has been seen to return a promise; while it has not, it is simply called. */
  #isAsync = false;

  constructor(mapper: Mapper, limits: PieceLimits, logger: Logger) {
    this.#mapper = mapper;
    this.#limits = limits;
    this.#logger = logger;
    this.#limit = pLimit(mapper.concurrency);
  }

  /**
   * @throws LeatError `invalid-message` if the body does not hold as many records as it should, or the
   * reason of the signal when it is aborted
   */
  async work(job: Job, signal: AbortSignal): Promise<JobResult> {
    const records = readRecords(job.body, this.#mapper.from.schema);
    if (records.length !== job.records) {
      throw new LeatError(
        'invalid-message',
        `Chunk ${job.chunk} should hold ${job.records} records and holds ${records.length}.`,
      );
    }
    const task = new ChunkTask(job, this.#mapper, records, signal, this.#logger);
    const isWhole = this.#mapper.work.type === 'mapChunk';
    await unlessAborted(signal, () => (isWhole ? this.#mapChunk(task) : this.#mapRecords(task)));
    return resultOf(job, records, task.outcomes, task.retries, this.#limits);
  }

  async #mapRecords(task: ChunkTask): Promise<void> {
    const pending: Promise<void>[] = [];
    const settle = (index: number, first?: unknown): void => {
      const settled = this.#settleRecord(task, index, first);
      settled.catch(() => undefined); // aborted, perhaps before it is waited for below
      pending.push(settled);
    };
    let turnStart = performance.now();
    for (const index of task.valid) {
      if (this.#isAsync) {
        settle(index);
        continue;
      }
      try {
        const result = task.apply([index], 1);
        this.#isAsync = isThenable(result);
        if (this.#isAsync) {
          settle(index, result);
        } else {
          task.outcomes[index] = { lines: encodeResults(task.mapper, result) };
        }
      } catch (error) {
        settle(index, Promise.reject(error));
      }
      if (performance.now() - turnStart > TURN_MS) {
        await new Promise(setImmediate);
        task.signal.throwIfAborted();
        turnStart = performance.now();
      }
    }
    await Promise.all(pending);
  }

  /** @param first the result of the first attempt, if it was made already */
  async #settleRecord(task: ChunkTask, index: number, first?: unknown): Promise<void> {
    let failures = 0;
    let busy = 0;
    let result = first;
    let isFirst = first !== undefined;
    for (;;) {
      try {
        const attempt = result;
        const value: unknown = await this.#limit(() =>
          collect(isFirst ? attempt : task.apply([index], failures + 1)),
        );
        task.outcomes[index] = { lines: encodeResults(task.mapper, value) };
        return;
      } catch (error) {
        task.signal.throwIfAborted();
        isFirst = false;
        result = undefined;
        const isBusy = classifyFailure(error) === 'busy';
        if (isBusy) busy++;
        else failures++;
        const decision = decideRetry(task.policy, error, isBusy ? busy : failures, Math.random());
        if (decision.action === 'give-up') {
          task.outcomes[index] = { error, attempts: failures };
          return;
        }
        await task.waitAfter(error, isBusy, decision.delayMs);
      }
    }
  }

  /**
   * Halves a chunk that fails until the bad record stands alone: of a hundred records, one that always
   * fails costs fourteen further calls.
   */
  async #mapChunk(task: ChunkTask): Promise<void> {
    const settle = async (group: readonly number[], failuresBefore: number): Promise<void> => {
      let failures = failuresBefore;
      let busy = 0;
      for (;;) {
        try {
          const results = await this.#limit(async () => task.apply(group, failures + 1));
          const lines = encodeResults(task.mapper, results, group.length);
          for (const [at, index] of group.entries())
            task.outcomes[index] = { lines: [lines[at] as string] };
          return;
        } catch (error) {
          task.signal.throwIfAborted();
          const isBusy = classifyFailure(error) === 'busy';
          if (isBusy) busy++;
          else failures++;
          const decision = decideRetry(task.policy, error, isBusy ? busy : failures, Math.random());
          const [only] = group;
          if (decision.action === 'give-up' && group.length === 1) {
            task.outcomes[only as number] = { error, attempts: failures };
            return;
          }
          if (decision.action === 'retry') await task.waitAfter(error, isBusy, decision.delayMs);
          if (isBusy || group.length === 1) continue;
          const half = group.length >> 1;
          await settle(group.slice(0, half), failures);
          await settle(group.slice(half), failures);
          return;
        }
      }
    };
    if (task.valid.length > 0) await settle(task.valid, 0);
  }
}

/** One chunk being worked on. */
class ChunkTask {
  readonly outcomes: Outcome[];
  /** The records that fit the schema, by their place in the chunk. */
  readonly valid: readonly number[];
  retries = 0;
  readonly mapper: Mapper;
  readonly signal: AbortSignal;
  readonly #job: Job;
  readonly #records: readonly ReadRecord[];
  readonly #logger: Logger;

  constructor(
    job: Job,
    mapper: Mapper,
    records: readonly ReadRecord[],
    signal: AbortSignal,
    logger: Logger,
  ) {
    this.#job = job;
    this.mapper = mapper;
    this.#records = records;
    this.signal = signal;
    this.#logger = logger.child({ run: job.run.id, stage: mapper.name, chunk: job.chunk });
    this.outcomes = records.map((record) =>
      'invalid' in record ? { error: record.invalid, attempts: 1 } : { lines: [] },
    );
    this.valid = records.flatMap((record, index) => ('invalid' in record ? [] : [index]));
  }

  get policy(): RetryPolicy {
    return this.mapper.retry;
  }

  /** Calls the user's function on one record, or for `mapChunk` on the whole group. */
  apply(group: readonly number[], attempt: number): unknown {
    this.signal.throwIfAborted();
    const [first = 0] = group;
    const context: StageContext = {
      run: this.#job.run,
      chunk: this.#job.chunk,
      position: formatPosition(this.#job.position, this.#job.origins?.[first] ?? first),
      attempt,
      signal: this.signal,
      logger: this.#logger,
    };
    const { work } = this.mapper;
    if (work.type === 'mapChunk')
      return work.apply(
        group.map((index) => this.#valueOf(index)),
        context,
      );
    return work.apply(this.#valueOf(first), context);
  }

  async waitAfter(error: unknown, isBusy: boolean, delayMs: number): Promise<void> {
    if (!isBusy) this.retries++;
    this.#logger.debug(
      { err: error, retryInMs: delayMs },
      isBusy ? 'busy, waiting' : 'failed, trying again',
    );
    if (isBusy && delayMs > 1_000)
      this.#logger.warn({ retryInMs: delayMs }, `busy: ${messageOf(error)}`);
    await wait(delayMs, this.signal);
  }

  #valueOf(index: number): unknown {
    return (this.#records[index] as { readonly value: unknown }).value;
  }
}

/** Does not wait for the user's function when its result is not wanted any more: it may not listen. */
async function unlessAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  signal.throwIfAborted();
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true, signal: over.signal });
  });
  try {
    await Promise.race([work(), aborted]);
  } finally {
    over.abort();
  }
}

function isThenable(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('then' in value || Symbol.asyncIterator in value)
  );
}

/** Waits for a promise, and for everything that an async iterable yields. */
async function collect(result: unknown): Promise<unknown> {
  const value: unknown = await result;
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value)) return value;
  const items: unknown[] = [];
  for await (const item of value as AsyncIterable<unknown>) items.push(item);
  return items;
}
