import { isA, isThenable, LeatError } from '@leat/core';
import { type Mapper, originOf, type RecordFailure, type RouteWork } from '@leat/sdk';
import { type Logger, type Reading, readingOf, readRecords, wait } from '@leat/runtime';
import pLimit, { type LimitFunction } from 'p-limit';
import { ChunkTask, isAsyncIterable, type WorkerMeans } from './chunk-task.ts';
import { encodeResults } from './encode.ts';
import { Failures } from './failures.ts';
import type { Job, JobResult } from './job.ts';
import { LongCalls } from './long-calls.ts';
import type { GivenUp, WorkedOn } from './outcome.ts';
import { recovered } from './recovered.ts';
import { resultIn } from './results.ts';
import { Turn } from './turn.ts';
import type { Wanted } from './watch.ts';
import { WorkClock } from './work-clock.ts';
import type { StoresInUse } from './state/stores-in-use.ts';

/** Works on chunks with the user's function, in whatever thread it is made. */
export class ChunkWorker {
  readonly #mapper: Mapper;
  readonly #means: WorkerMeans;
  readonly #reading: Reading | undefined;
  readonly #limit: LimitFunction;
  readonly #longCalls = new LongCalls();
  /** Whether the function has been seen to return a promise; while it has not, it is simply called. */
  #isAsync = false;

  /**
   * @param stores what the user's functions keep; without them they cannot keep anything
   * @param waiting how it waits before a record is tried again; a test need not wait
   */
  constructor(
    mapper: Mapper,
    logger: Logger,
    stores: StoresInUse | undefined,
    waiting: typeof wait = wait,
  ) {
    this.#mapper = mapper;
    this.#reading = readingOf(mapper);
    this.#means = { logger, wait: waiting, reading: this.#reading, stores };
    this.#limit = pLimit(mapper.concurrency);
  }

  /**
   * @param wanted of this chunk alone
   * @param clock shows how long the chunk has been worked on
   * @throws LeatError `invalid-message` if the body does not hold as many records as it should, or the
   * reason why it is not wanted any more
   */
  async work(job: Job, wanted: Wanted, clock?: WorkClock): Promise<JobResult> {
    return resultIn(this.#mapper.work, job, await this.workOn(job, wanted, clock));
  }

  /** As {@link work}, and gives what became of each record. */
  async workOn(job: Job, wanted: Wanted, clock: WorkClock = new WorkClock()): Promise<WorkedOn> {
    wanted.throwIfAborted();
    clock.begin();
    const records = readRecords(job.body, originOf(this.#mapper), this.#reading);
    clock.end();
    if (records.length !== job.records) {
      throw new LeatError(
        'invalid-message',
        `Chunk ${job.chunk} should hold ${job.records} records and holds ${records.length}.`,
      );
    }
    const task = new ChunkTask(job, this.#mapper, records, wanted, clock, this.#means);
    const { failure } = job;
    const settling =
      failure === undefined ? this.#settleAll(task) : this.#recoverAll(task, failure);
    if (!task.isSettled) await this.#longCalls.during(task, task.unlessAborted(settling));
    await settling;
    return task;
  }

  async #settleAll(task: ChunkTask): Promise<void> {
    const { work } = this.#mapper;
    if (work.type === 'route') await this.#routeRecords(task, work);
    else if (work.type !== 'mapChunk') await this.#mapRecords(task);
    else if (task.valid.length > 0) await this.#settleGroup(task, task.valid);
  }

  /** Asks a function that answers at once, and once. */
  async #routeRecords(task: ChunkTask, work: RouteWork): Promise<void> {
    const turn = new Turn();
    task.clock.begin();
    try {
      for (const index of task.valid) {
        task.settle(index, task.route(index, work));
        if (!turn.isOver()) continue;
        await task.giveTurn();
        turn.begin();
      }
    } finally {
      task.clock.end();
    }
  }

  async #mapRecords(task: ChunkTask): Promise<void> {
    const pending: Promise<void>[] = [];
    const settle = (index: number, first?: unknown): void => {
      // What is a promise by its shape only may begin its work at each `then`: it is asked once.
      const asked = isThenable(first) ? Promise.resolve(first) : first;
      if (asked instanceof Promise) asked.catch(() => undefined); // it may have to wait for its turn
      const settled = this.#settleRecord(task, index, asked);
      settled.catch(() => undefined); // aborted, perhaps before it is waited for below
      pending.push(settled);
    };
    const turn = new Turn();
    task.clock.begin();
    try {
      for (const index of task.valid) {
        if (this.#isAsync) {
          settle(index);
          continue;
        }
        try {
          const result = task.applyTo(index, 1);
          this.#isAsync = takesTime(result);
          if (this.#isAsync) {
            settle(index, result);
          } else {
            task.settle(index, task.encode(index, result));
          }
        } catch (error) {
          settle(index, Promise.reject(error));
        }
        if (turn.isOver()) {
          await task.giveTurn();
          turn.begin();
        }
      }
    } finally {
      task.clock.end();
    }
    await Promise.all(pending);
  }

  /**
   * Whatever goes wrong with one record is that record's failure: its chunk does not go round for ever.
   *
   * @param first the result of the first attempt, if it was made already
   * @throws the reason why the chunk is not wanted any more; LeatError
   */
  async #settleRecord(task: ChunkTask, index: number, first?: unknown): Promise<void> {
    const failures = new Failures(task.mapper.retry);
    try {
      await this.#tryRecord(task, index, failures, first);
    } catch (error) {
      task.wanted.throwIfAborted();
      if (isA(error, LeatError)) throw error;
      await this.#giveUp(task, index, { error, attempts: failures.count });
    }
  }

  async #tryRecord(
    task: ChunkTask,
    index: number,
    failures: Failures,
    first: unknown,
  ): Promise<void> {
    for (let result = first; ; result = undefined) {
      try {
        const attempt = result;
        const lines = await this.#limit(() =>
          task.call(
            index,
            () => attempt ?? task.applyTo(index, failures.count + 1),
            (value) => task.encode(index, value),
          ),
        );
        task.settle(index, lines);
        return;
      } catch (error) {
        task.wanted.throwIfAborted();
        const decision = failures.add(error);
        if (decision.action === 'give-up') {
          return this.#giveUp(task, index, { error, attempts: failures.count });
        }
        await task.waitAfter(index, error, decision.isBusy, decision.delayMs);
      }
    }
  }

  /** Has records recovered that would be given up where they were worked on before. */
  async #recoverAll(task: ChunkTask, failure: RecordFailure): Promise<void> {
    for (const index of task.valid) await this.#giveUp(task, index, failure);
  }

  /** A record is given up, unless the user's `recover` gives its result. */
  async #giveUp(task: ChunkTask, index: number, givenUp: GivenUp): Promise<void> {
    if (task.mapper.recover === undefined) {
      task.settle(index, givenUp);
      return;
    }
    const outcome = await recovered(task, index, givenUp, this.#limit);
    task.settle(index, outcome);
  }

  /**
   * Halves a group that fails until the bad record stands alone: of a hundred records, one that always
   * fails costs fourteen further calls.
   */
  async #settleGroup(task: ChunkTask, group: readonly number[], failed = 0): Promise<void> {
    const failures = new Failures(task.mapper.retry, failed);
    const [first = 0] = group;
    for (;;) {
      try {
        const lines = await this.#limit(() =>
          task.call(
            first,
            () => task.applyToGroup(group, failures.count + 1),
            (results) => encodeResults(task.mapper, results, group.length),
          ),
        );
        for (const [at, index] of group.entries()) {
          task.settle(index, lines[at] as string);
        }
        return;
      } catch (error) {
        task.wanted.throwIfAborted();
        const decision = failures.add(error);
        const isAlone = group.length === 1;
        if (decision.action === 'give-up' && isAlone) {
          return this.#giveUp(task, first, { error, attempts: failures.count });
        }
        if (decision.action === 'retry') {
          await task.waitAfter(first, error, decision.isBusy, decision.delayMs);
        }
        if (decision.isBusy || isAlone) continue;
        const half = group.length >> 1;
        await this.#settleGroup(task, group.slice(0, half), failures.count);
        await this.#settleGroup(task, group.slice(half), failures.count);
        return;
      }
    }
  }
}

/** Whether a result is there only later: a promise, or what is iterated over in time. */
function takesTime(value: unknown): boolean {
  return isThenable(value) || isAsyncIterable(value);
}
