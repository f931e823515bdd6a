import {
  FIRST_CHECKPOINT,
  type LedgerCheckpoint,
  isEnded,
  LeatError,
  newerVersion,
  type RunProgress,
  type RunRequest,
} from '@leat/core';
import { type Logger, type PipelineConnection, type Runs, wait } from '@leat/runtime';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Checkpointer } from './checkpointer.ts';
import { type FirstLedger, Lease } from './lease.ts';
import { RunBooks } from './run-books.ts';
import type { RunCheckpoint, Standing, Witnessed } from './run-checkpoint.ts';

const request: RunRequest = {
  run: 'run-1',
  pipeline: 'p',
  params: {},
  spec: { name: 'p', stages: [] },
  createdAt: '2026-01-01T00:00:00.000Z',
};

const logger = { warn: () => undefined, info: () => undefined } as unknown as Logger;
const connection = {
  link: { isClosed: false },
  repair: () => Promise.resolve(),
} as unknown as PipelineConnection;

/** A bucket in memory, of which some answers are lost and some come late. */
class Bucket {
  entry: { progress: RunProgress; revision: number } | undefined;
  readonly log: string[] = [];
  losesAnswer: (progress: RunProgress) => boolean = () => false;
  slownessMs = 0;

  async save(_run: string, progress: RunProgress, revision: number): Promise<number> {
    await wait(this.slownessMs);
    if (revision !== (this.entry?.revision ?? 0)) throw new LeatError('lease-lost', 'changed');
    this.entry = { progress, revision: revision + 1 };
    this.log.push(progress.state);
    if (this.losesAnswer(progress)) throw new Error('timeout');
    return revision + 1;
  }

  progress(): Promise<typeof this.entry> {
    return Promise.resolve(this.entry);
  }

  /** What the operator has asked for; nothing, after the broker has forgotten it. */
  request: RunRequest | undefined;

  get(): Promise<RunRequest | undefined> {
    return Promise.resolve(this.request);
  }

  restore(): Promise<void> {
    this.log.push('restored');
    return Promise.resolve();
  }

  /** @param firstLedger what the sinks say */
  async claim(
    firstLedger: () => Promise<FirstLedger> = () => Promise.resolve({ ledger: FIRST_CHECKPOINT }),
  ): Promise<Lease> {
    const runs = this as unknown as Runs;
    const lastSeen = new Map<string, never>();
    const holder = 'me 1 a';
    const claimed = Lease.claim({ request, runs, holder, lastSeen, firstLedger, logger });
    return (await claimed) as Lease;
  }
}

function booksOf(lease: Lease): RunBooks {
  return new RunBooks(request, lease.progress);
}

function checkpointOf(lease: Lease): RunCheckpoint {
  return booksOf(lease).checkpoint();
}

describe('what the broker forgets or does not answer', () => {
  let bucket: Bucket;

  beforeEach(() => {
    vi.useFakeTimers();
    bucket = new Bucket();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  async function claimed(): Promise<Lease> {
    const lease = bucket.claim();
    await vi.advanceTimersByTimeAsync(1_000);
    return lease;
  }

  function checkpointerOf(lease: Lease): Checkpointer {
    const { signal: stop } = new AbortController();
    return new Checkpointer({ books: booksOf(lease), lease, connection, stop, logger });
  }

  test('what a newer version has put beside the fields of this one is kept', async () => {
    const ledger = { ...FIRST_CHECKPOINT, next: 3, cuts: [7] };
    const startedAt = '2026-01-01T00:00:01.000Z';
    const common = { state: 'running', fence: 4, startedAt, updatedAt: startedAt } as const;
    const progress = { ...common, reason: 'of old', mood: 'slow', ledger };
    bucket.entry = { progress, revision: 1 };
    const lease = await claimed();
    const { entry } = bucket;
    const kept = { mood: 'slow', ledger: { next: 3, cuts: [7] } };
    expect(entry).toMatchObject({ progress: { ...kept, holder: 'me 1 a' } });
    // What this version knows is as it says, and what it leaves out is gone.
    expect(entry?.progress.reason).toBeUndefined();
    for (const write of [
      () => lease.save(checkpointOf(lease)),
      () => lease.giveBack(checkpointOf(lease)),
      () => lease.end(checkpointOf(lease), 'completed'),
    ]) {
      const written = write();
      await vi.advanceTimersByTimeAsync(1_000);
      await written;
      expect(bucket.entry).toMatchObject({ progress: kept });
    }
    expect(bucket.entry).toMatchObject({ progress: { state: 'completed' } });
    expect(bucket.entry?.progress.holder).toBeUndefined();
  });

  test.each(['progress', 'request'] as const)(
    'who finds a %s that only a newer version can read has lost the lease',
    async (what) => {
      const lease = await claimed();
      const newer = (): Promise<never> =>
        Promise.reject(newerVersion('progress', 'The entry progress.run-1', 2));
      if (what === 'progress') {
        bucket.entry = { ...bucket.entry!, revision: 99 };
        bucket.progress = newer;
      } else {
        bucket.entry = undefined;
        bucket.get = newer;
      }
      const saved = lease.save(checkpointOf(lease));
      saved.catch(() => undefined);
      await vi.advanceTimersByTimeAsync(1_000);
      await expect(saved).rejects.toMatchObject({
        code: 'lease-lost',
        message: expect.stringContaining('a newer Leat wrote it') as string,
      });
    },
  );

  test('a lost answer to the last write is not a lost lease', async () => {
    const lease = await claimed();
    let isFirst = true;
    bucket.losesAnswer = ({ state }) => isEnded(state) && isFirst && !(isFirst = false);
    const ending = checkpointerOf(lease).end('completed');
    await vi.advanceTimersByTimeAsync(5_000);
    await expect(ending).resolves.toBeUndefined();
    expect(bucket.log).toEqual(['running', 'completed', 'completed']);
  });

  test('nothing is written after the last write, however long it takes', async () => {
    const lease = await claimed();
    const books = booksOf(lease);
    const { signal: stop } = new AbortController();
    const checkpointer = new Checkpointer({ books, lease, connection, stop, logger });
    const over = new AbortController();
    const running = checkpointer.run(over.signal);
    bucket.slownessMs = 5_000;
    const ending = checkpointer.end('completed');
    books.end();
    await vi.advanceTimersByTimeAsync(20_000);
    await ending;
    over.abort();
    await running;
    expect(bucket.log).toEqual(['running', 'completed']);
  });

  test('a run that was forgotten has its progress before it can be found again', async () => {
    const lease = await claimed();
    bucket.entry = undefined;
    const saved = lease.save(checkpointOf(lease));
    await vi.advanceTimersByTimeAsync(1_000);
    await saved;
    expect(bucket.log).toEqual(['running', 'running', 'restored']);
  });

  test('a run that was forgotten is left if somebody has begun it again meanwhile', async () => {
    const lease = await claimed();
    bucket.entry = undefined;
    bucket.request = { ...request, born: '00000000000b2' };
    const [saved] = await Promise.allSettled([
      lease.save(checkpointOf(lease)),
      vi.advanceTimersByTimeAsync(1_000),
    ]);
    expect(saved).toMatchObject({ status: 'rejected', reason: { code: 'lease-lost' } });
    expect(bucket.entry).toBeUndefined();
  });

  test('a run that was forgotten goes on under a fence above any that was given out meanwhile', async () => {
    const lease = await claimed();
    bucket.entry = undefined;
    const between = await claimed();
    bucket.entry = undefined;
    const save = async (): Promise<void> => {
      const saved = lease.save(checkpointOf(lease));
      await Promise.all([saved, vi.advanceTimersByTimeAsync(1_000)]);
    };
    await save();
    expect(lease.fence).toBeGreaterThan(between.fence);
    expect(bucket.entry).toMatchObject({ progress: { fence: lease.fence } });
    // It is its own still when the answer to a write is lost.
    bucket.losesAnswer = () => true;
    await expect(save()).rejects.toThrow('timeout');
    bucket.losesAnswer = () => false;
    await save();
  });
});

test('a fence rises with each claim, and is not below the time where an earlier state was restored', async () => {
  const bucket = new Bucket();
  const { fence } = await bucket.claim();
  bucket.entry = { progress: { ...bucket.entry!.progress, fence: 3 }, revision: 1 };
  expect((await bucket.claim()).fence).toBeGreaterThanOrEqual(fence);
  const ahead = Date.now() + 86_400_000;
  bucket.entry = { progress: { ...bucket.entry.progress, fence: ahead }, revision: 1 };
  expect((await bucket.claim()).fence).toBe(ahead + 1);
});

test('a lease rises above the fence of a sink with its next write, and is still its own', async () => {
  const bucket = new Bucket();
  const lease = await bucket.claim();
  const before = lease.fence;
  lease.riseAbove(before - 1);
  expect(lease.fence).toBe(before);
  // The answer to a write under the fence before is lost, and only then it rises.
  bucket.losesAnswer = () => true;
  await expect(lease.save(checkpointOf(lease))).rejects.toThrow('timeout');
  bucket.losesAnswer = () => false;
  const ofSink = Date.now() + 86_400_000;
  lease.riseAbove(ofSink);
  await lease.save(checkpointOf(lease));
  expect(bucket.entry?.progress).toMatchObject({ fence: ofSink + 1, holder: 'me 1 a' });
  await lease.giveBack(checkpointOf(lease));
  expect((await bucket.claim()).fence).toBe(ofSink + 2);
});

test('a paused run stays so under its next fetcher, and its end forgets why', async () => {
  const bucket = new Bucket();
  const paused: Standing = {
    state: 'paused',
    reason: 'too many are dead',
    tolerated: { settled: 9, dead: 2 },
  };
  const first = await bucket.claim();
  const before = booksOf(first);
  before.setStanding(paused);
  await first.giveBack(before.checkpoint());
  const second = await bucket.claim();
  const books = booksOf(second);
  expect(books.standing).toEqual(paused);
  expect(second.progress).toMatchObject(paused);
  expect(second.fence).toBeGreaterThan(first.fence);
  books.setStanding({ state: 'running' });
  await second.save(books.checkpoint());
  expect(second.progress).not.toHaveProperty('reason');
  books.setStanding(paused);
  await second.save(books.checkpoint());
  await second.end(books.checkpoint(), 'cancelled');
  expect(second.progress).not.toHaveProperty('reason');
});

test('what replicas have noted of a run is kept with its progress, under any fetcher, to its end', async () => {
  const bucket = new Bucket();
  const witnessed: Witnessed = {
    sinks: { out: { mark: 'abc', place: 'the folder /data' } },
    versions: { work: ['one', 'two'] },
  };
  const first = await bucket.claim();
  const before = booksOf(first);
  expect(before.witnessed).toEqual({});
  before.witness(witnessed);
  // With the next checkpoint, and not before.
  expect(bucket.entry?.progress).not.toHaveProperty('sinks');
  await first.save(before.checkpoint());
  expect(bucket.entry?.progress).toMatchObject(witnessed);
  await first.giveBack(before.checkpoint());
  expect(bucket.entry?.progress).toMatchObject(witnessed);
  const second = await bucket.claim();
  const books = booksOf(second);
  expect(books.witnessed).toEqual(witnessed);
  expect(second.progress).toMatchObject(witnessed);
  await second.end(books.checkpoint(), 'completed');
  expect(bucket.entry?.progress).toMatchObject({ ...witnessed, state: 'completed' });
});

describe('what the sinks say when a run begins', () => {
  const sent: LedgerCheckpoint = { ...FIRST_CHECKPOINT, next: 7 };
  const taken = new LeatError('sink-taken', 'The sink has another run.');

  test('is asked while nothing was sent, and then no more', async () => {
    const bucket = new Bucket();
    let asked = 0;
    const claim = (ledger: LedgerCheckpoint): Promise<Lease> =>
      bucket.claim(async () => {
        asked++;
        return { ledger };
      });
    const first = await claim(FIRST_CHECKPOINT);
    await first.giveBack(checkpointOf(first));
    const second = await claim(sent);
    expect(second.progress.ledger).toEqual(sent);
    await second.giveBack(checkpointOf(second));
    const third = await claim(FIRST_CHECKPOINT);
    expect(third.progress.ledger).toEqual(sent);
    expect(asked).toBe(2);
  });

  test('is why the run has to end, if a sink has another one', async () => {
    const bucket = new Bucket();
    const refused = await bucket.claim(() => Promise.reject(taken));
    expect(refused.refusal).toBe(taken);
    expect(refused.progress).toMatchObject({ state: 'running', ledger: FIRST_CHECKPOINT });
    await refused.end(checkpointOf(refused), 'failed', taken.message);
    expect(bucket.log).toEqual(['running', 'failed']);
    // It is over until its operator takes it up again.
    expect(await bucket.claim(() => Promise.reject(taken))).toBeUndefined();
    expect(bucket.log).toEqual(['running', 'failed']);
  });

  test('does not end a run that another fetcher has taken meanwhile', async () => {
    const bucket = new Bucket();
    const refused = bucket.claim(async () => {
      await bucket.claim();
      throw taken;
    });
    expect(await refused).toBeUndefined();
    expect(bucket.entry?.progress.state).toBe('running');
  });

  test('refuses nothing as a rule', async () => {
    expect((await new Bucket().claim()).refusal).toBeUndefined();
  });

  test('is waited for if it cannot be known at the moment', async () => {
    const bucket = new Bucket();
    const away = new Error('no database answers');
    await expect(bucket.claim(() => Promise.reject(away))).rejects.toBe(away);
    expect(bucket.entry).toBeUndefined();
  });
});

describe('what became of the hooks', () => {
  test('is written with everything, counts ends, and goes to the next fetcher', async () => {
    const bucket = new Bucket();
    const first = await bucket.claim();
    const checkpoint = checkpointOf(first);
    await first.save(checkpoint);
    expect(bucket.entry?.progress).not.toHaveProperty('hooks');
    const ran = [{ id: 'r:finally', name: 'finally', attempts: 1 } as const];
    first.hooks = { ends: 0, ran };
    await first.save(checkpoint);
    await first.giveBack(checkpoint);
    expect(bucket.entry?.progress.hooks).toEqual({ ends: 0, ran });
    const second = await bucket.claim();
    expect(second.hooks).toEqual({ ends: 0, ran });
    await second.end(checkpoint, 'failed', 'why');
    expect(bucket.entry?.progress.hooks).toEqual({ ends: 1, ran });
  });
});
