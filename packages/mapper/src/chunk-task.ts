import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers';
import { describeThrown, messageOf } from '@leat/core';
import {
  linesOf,
  type Logger as AuthorsLogger,
  type Mapper,
  originOf,
  type RecordFailure,
  type RouteWork,
  type Work,
} from '@leat/sdk';
import {
  authorsLogger,
  type Logger,
  type Reading,
  type ReadRecord,
  readRecords,
  type wait,
} from '@leat/runtime';
import { encodeResult } from './encode.ts';
import { type Job, positionOf, type RecordWait, requestOf, whatEndsCalls } from './job.ts';
import { KEPT, type Outcome } from './outcome.ts';
import { pickBranches } from './pick-branches.ts';
import { RecordContext } from './record-context.ts';
import { RecordLogger } from './record-logger.ts';
import { TURN_MS } from './turn.ts';
import type { Wanted } from './watch.ts';
import type { WorkClock } from './work-clock.ts';
import type { StoresInUse } from './state/stores-in-use.ts';

/** What stands in the place of an outcome until there is one. */
const UNSETTLED: Outcome = [];

type GroupWork = Extract<Work, { readonly type: 'mapChunk' }>;
type RecordWork = Exclude<Work, GroupWork | RouteWork>;

/** What work on chunks needs of its service. */
export interface WorkerMeans {
  readonly logger: Logger;
  /** Waits before a record is tried again. */
  readonly wait: typeof wait;
  /** How records are read. */
  readonly reading: Reading | undefined;
  /** What the user's functions keep; absent where there is no pipeline. */
  readonly stores?: StoresInUse | undefined;
}

/** One chunk being worked on: its records, and what has become of them so far. */
export class ChunkTask {
  readonly outcomes: Outcome[];
  /** The records that fit the schema, by their place in the chunk. */
  readonly valid: readonly number[];
  retries = 0;
  /** How many records would have been given up, and have a result of `recover`. */
  recovered = 0;
  readonly mapper: Mapper;
  readonly wanted: Wanted;
  readonly clock: WorkClock;
  readonly stores: StoresInUse | undefined;
  /** Rejects when the result is no longer wanted. Most chunks of a quick function do without. */
  #aborted: Promise<never> | undefined;
  #unsettled: number;
  /** The records that have failed or were busy, by when they did first. */
  #waiting: Map<number, number> | undefined;
  readonly #job: Job;
  readonly #records: readonly ReadRecord[];
  readonly #serviceLogger: Logger;
  readonly #wait: typeof wait;
  readonly #reading: Reading | undefined;
  /** By place, whether the user's function has had the record. */
  readonly #hadIt: boolean[] = [];
  /** By place, the number of the call that has not returned yet; 0 if none is under way. */
  readonly #calls: number[] = [];
  #callCount = 0;
  /** The places that are named because their call takes long. */
  #named: Set<number> | undefined;
  #logger: Logger | undefined;

  constructor(
    job: Job,
    mapper: Mapper,
    records: readonly ReadRecord[],
    wanted: Wanted,
    clock: WorkClock,
    { logger, wait, reading, stores }: WorkerMeans,
  ) {
    this.#job = job;
    this.mapper = mapper;
    this.#records = records;
    this.wanted = wanted;
    this.clock = clock;
    this.#serviceLogger = logger;
    this.#wait = wait;
    this.#reading = reading;
    this.stores = stores;
    this.outcomes = [];
    const valid: number[] = [];
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as ReadRecord;
      const isInvalid = 'invalid' in record;
      this.outcomes.push(isInvalid ? { error: record.invalid, attempts: 1 } : UNSETTLED);
      if (!isInvalid) valid.push(index);
    }
    this.valid = valid;
    this.#unsettled = valid.length;
  }

  get signal(): AbortSignal {
    return this.wanted.signal;
  }

  /** Whether every record has its outcome. */
  get isSettled(): boolean {
    return this.#unsettled === 0;
  }

  settle(index: number, outcome: Outcome): void {
    this.outcomes[index] = outcome === KEPT ? this.#kept(index) : outcome;
    this.#unsettled--;
    if (this.#waiting?.delete(index) === true) this.#tellWait(index, undefined);
  }

  get job(): Job {
    return this.#job;
  }

  /** Carries run, stage and chunk. */
  get logger(): Logger {
    const { run, chunk } = this.#job;
    const fields = { run: run.id, stage: this.mapper.name, chunk };
    this.#logger ??= authorsLogger(this.#serviceLogger, fields);
    return this.#logger;
  }

  /** Carries the id of a record, too, unless the user's function is given many at once. */
  loggerOf(index: number): AuthorsLogger {
    if (this.mapper.work.type === 'mapChunk') return this.logger;
    return new RecordLogger(this.logger, () => requestOf(this.#job, index));
  }

  /** Calls the user's function on one record. */
  applyTo(index: number, attempt: number): unknown {
    const work = this.mapper.work as RecordWork;
    return work.apply(this.#valueOf(index), new RecordContext(this, index, attempt));
  }

  /** Calls the user's `recover` on a record that would be given up. */
  recover(index: number, failure: RecordFailure): unknown {
    const { recover } = this.mapper;
    const context = new RecordContext(this, index, failure.attempts);
    return recover?.(this.#valueOf(index), failure, context);
  }

  /** Asks the user's function where a record goes. */
  route(index: number, work: RouteWork): Outcome {
    const { value, line } = this.#records[index] as {
      readonly value: unknown;
      readonly line?: string;
    };
    const picked = pickBranches(work, value, { run: this.#job.run });
    return line === undefined || !('branches' in picked) ? picked : { ...picked, line };
  }

  /** Calls the user's function on a group of records. */
  applyToGroup(group: readonly number[], attempt: number): unknown {
    const work = this.mapper.work as GroupWork;
    const values = group.map((index) => this.#valueOf(index));
    return work.apply(values, new RecordContext(this, group[0] ?? 0, attempt));
  }

  /**
   * Writes what the user's function made of a record.
   *
   * @throws InvalidResult
   */
  encode(index: number, result: unknown): Outcome {
    const { text } = this.#records[index] as { readonly text?: string };
    return encodeResult(this.mapper, result, text);
  }

  /**
   * Makes a call of the user's function, on the clock. What it does is left behind when its result is not
   * wanted any more: it may not listen.
   *
   * @param index the record, or the first of the group
   * @param make begins the call
   * @param read makes the outcome of its result
   */
  async call<T>(index: number, make: () => unknown, read: (result: unknown) => T): Promise<T> {
    this.wanted.throwIfAborted();
    this.clock.begin();
    this.#calls[index] = ++this.#callCount;
    try {
      return read(await this.unlessAborted(collect(make(), this.signal)));
    } finally {
      this.clock.end();
      this.#calls[index] = 0;
      if (this.#named?.delete(index) === true) this.#tellWait(index, undefined);
    }
  }

  /** The calls that have not returned, by number, and the place of each. */
  get callsUnderWay(): ReadonlyMap<number, number> {
    const underWay = new Map<number, number>();
    for (const [index, call] of this.#calls.entries()) if (call > 0) underWay.set(call, index);
    return underWay;
  }

  /** Tells that a call takes long. */
  nameCall(index: number, sinceMs: number): void {
    this.#named ??= new Set();
    this.#named.add(index);
    this.#tellWait(index, { reason: whatEndsCalls(this.mapper), sinceMs, isCalled: true });
  }

  unlessAborted<T>(work: Promise<T>): Promise<T> {
    this.#aborted ??= whenAborted(this.signal);
    return Promise.race([work, this.#aborted]);
  }

  /** Lets others have a turn in the midst of a call. */
  async giveTurn(): Promise<void> {
    this.clock.end();
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.clock.begin();
    this.wanted.throwIfAborted();
  }

  /** Waits until it is time to try a record again, or a group that begins with it. */
  async waitAfter(index: number, error: unknown, isBusy: boolean, delayMs: number): Promise<void> {
    if (isBusy) this.clock.restart();
    else {
      this.retries++;
      const fields = { err: describeThrown(error), retryInMs: delayMs };
      this.loggerOf(index).debug(fields, 'failed, trying again');
    }
    this.#waiting ??= new Map();
    const sinceMs = this.#waiting.get(index) ?? Date.now();
    this.#waiting.set(index, sinceMs);
    this.#tellWait(index, { reason: messageOf(error), sinceMs });
    await this.#wait(delayMs, this.signal);
  }

  /** The record as it arrived, or as the schema has it. */
  #kept(index: number): Outcome {
    const { line } = this.#records[index] as { readonly line?: string };
    return line ?? KEPT;
  }

  #tellWait(index: number, wait: RecordWait | undefined): void {
    this.#job.onWait?.(positionOf(this.#job, index), wait);
  }

  /** The record as it arrived, also if the user's function has had it before, and has changed it. */
  #valueOf(index: number): unknown {
    const hadIt = this.#hadIt[index] === true;
    this.#hadIt[index] = true;
    const record = hadIt ? this.#readAgain(index) : this.#records[index];
    return (record as { readonly value: unknown }).value;
  }

  #readAgain(index: number): ReadRecord | undefined {
    const line = linesOf(this.#job.body)[index];
    return line && readRecords(line, originOf(this.mapper), this.#reading)[0];
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  setMaxListeners(0, signal);
  const aborted = new Promise<never>((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  aborted.catch(() => undefined);
  return aborted;
}

/** Waits for a promise, and for everything that an async iterable yields. */
async function collect(result: unknown, signal: AbortSignal): Promise<unknown> {
  const value: unknown = await result;
  if (!isAsyncIterable(value)) return value;
  const items: unknown[] = [];
  let turnStart = performance.now();
  for await (const item of value) {
    signal.throwIfAborted();
    items.push(await item);
    if (performance.now() - turnStart <= TURN_MS) continue;
    // One that never waits would keep everybody else from their turn, and the signal from being heard.
    await new Promise<void>((resolve) => setImmediate(resolve));
    turnStart = performance.now();
  }
  return items;
}

/** Whether a value is iterated over in time, as `for await` sees it. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
