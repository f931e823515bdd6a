import { LeatError, type RunHooks, type RunReport, type RunRequest } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { ndjsonSink } from '@leat/connectors/files';
import { createLogger } from '@leat/runtime';
import { fetcher, type HookRun, type Pipeline, pipeline, saver } from '@leat/sdk';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { callHooks } from './end-hooks.ts';

const numbers = fetcher('numbers', {
  source: generate(1, (n) => ({ n })),
  schema: z.object({ n: z.int() }),
});
const savers = [saver('files', { from: numbers, sink: ndjsonSink('out') })];
const request: RunRequest = {
  run: 'r1',
  pipeline: 'p',
  params: {},
  spec: pipeline('p', { savers }).spec,
  createdAt: '2026-11-22T10:00:00.000Z',
};
const report = { run: 'r1', state: 'completed' } as RunReport;
const failure = new LeatError('run-failed', 'The books are wrong.');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Hooks = Pick<Pipeline, 'onFailure' | 'finally'>;

/** A lease, and everything that was written under it. */
class Place {
  hooks: RunHooks | undefined;
  readonly written: (RunHooks | undefined)[] = [];
  readonly stop = new AbortController();
  lost: LeatError | undefined;

  constructor(hooks?: RunHooks) {
    this.hooks = hooks;
  }

  async note(): Promise<void> {
    if (this.lost !== undefined) throw this.lost;
    this.written.push(this.hooks);
  }

  call(hooks: Hooks, error?: LeatError): Promise<boolean> {
    const options = {
      pipeline: pipeline('p', { savers, ...hooks }),
      request,
      lease: this,
      checkpointer: this,
      stop: this.stop.signal,
      logger: createLogger({ format: 'json', level: 'silent' }),
    };
    return callHooks(options, { report, error });
  }
}

test('a pipeline without hooks writes nothing down', async () => {
  const place = new Place();
  expect(await place.call({})).toBe(true);
  expect(await place.call({ onFailure: () => undefined })).toBe(true);
  expect([place.written, place.hooks]).toEqual([[], undefined]);
});

test('onFailure comes before finally, each with the run and what it has to know', async () => {
  const calls: unknown[] = [];
  const place = new Place();
  const isDone = await place.call(
    {
      onFailure: (run, error) => void calls.push([run, error]),
      finally: async (run, given) => void calls.push([run, given]),
    },
    failure,
  );
  const run = { id: 'r1', pipeline: 'p', params: {}, attempt: 1, signal: expect.any(AbortSignal) };
  expect(isDone).toBe(true);
  expect(calls).toEqual([
    [{ ...run, hook: 'r1:onFailure' }, failure],
    [{ ...run, hook: 'r1:finally' }, report],
  ]);
  expect(place.hooks).toEqual({
    ends: 0,
    state: 'completed',
    ran: [
      { id: 'r1:onFailure', name: 'onFailure', attempts: 1 },
      { id: 'r1:finally', name: 'finally', attempts: 1 },
    ],
  });
});

test('a hook that throws is called five times, under one id, and its error is kept', async () => {
  const ids: string[] = [];
  const place = new Place();
  const calling = place.call({
    finally: ({ hook, attempt }) => {
      ids.push(`${hook} ${attempt}`);
      throw new Error(`bad ${attempt}`);
    },
  });
  await vi.runAllTimersAsync();
  expect(await calling).toBe(true);
  expect(ids).toEqual([1, 2, 3, 4, 5].map((attempt) => `r1:finally ${attempt}`));
  expect(place.hooks?.ran).toEqual([
    { id: 'r1:finally', name: 'finally', attempts: 5, error: 'bad 5' },
  ]);
});

test('a hook that never returns is left after a minute, and the lease is kept meanwhile', async () => {
  const signals: AbortSignal[] = [];
  const place = new Place();
  const calling = place.call({
    finally: async ({ signal }) => {
      signals.push(signal);
      if (signals.length < 3) await new Promise(() => undefined);
    },
  });
  await vi.advanceTimersByTimeAsync(59_000);
  expect([signals.length, signals[0]?.aborted]).toEqual([1, false]);
  // Once for the attempt, and every three seconds and a third.
  expect(place.written.length).toBeGreaterThan(15);
  await vi.runAllTimersAsync();
  expect(await calling).toBe(true);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  expect(place.hooks?.ran).toEqual([{ id: 'r1:finally', name: 'finally', attempts: 3 }]);
  expect(place.written.at(-1)?.ran).toMatchObject([{ attempts: 3 }]);
});

test('each attempt is written down before it begins, and the next fetcher counts on', async () => {
  const first = new Place();
  const seen: unknown[] = [];
  let letGo = (): void => undefined;
  const calling = first.call({
    finally: () => {
      seen.push(...(first.written.at(-1)?.ran ?? []));
      return new Promise<void>((resolve) => (letGo = resolve));
    },
  });
  await vi.advanceTimersByTimeAsync(0);
  const error = 'its fetcher ended before it returned';
  expect(seen).toEqual([{ id: 'r1:finally', name: 'finally', attempts: 1, error }]);
  letGo();
  await calling;
  // It was killed meanwhile: another one finds what was written.
  for (const [attempts, calls] of [
    [1, 1],
    [4, 1],
    [5, 0],
  ] as const) {
    const runs: HookRun<unknown>[] = [];
    const next = new Place({
      ends: 0,
      state: 'completed',
      ran: [{ id: 'r1:finally', name: 'finally', attempts, error }],
    });
    expect(await next.call({ finally: (run) => void runs.push(run) })).toBe(true);
    expect(runs).toHaveLength(calls);
    for (const run of runs)
      expect(run).toMatchObject({ hook: 'r1:finally', attempt: attempts + 1 });
    if (calls === 0) expect(next.hooks?.ran).toMatchObject([{ attempts: 5, error }]);
  }
});

test('what has returned is not called again by the next fetcher, and all is at the next end', async () => {
  const ran = [
    { id: 'r1:onFailure', name: 'onFailure', attempts: 1 },
    { id: 'r1:finally', name: 'finally', attempts: 2, error: 'bad' },
  ] as const;
  const ids: string[] = [];
  const hooks: Hooks = {
    onFailure: ({ hook }) => void ids.push(hook),
    finally: ({ hook }) => void ids.push(hook),
  };
  await new Place({ ends: 0, state: 'completed', ran }).call(hooks, failure);
  expect(ids.splice(0)).toEqual(['r1:finally']);
  const again = new Place({ ends: 1, state: 'completed', ran });
  await again.call(hooks, failure);
  expect(ids.splice(0)).toEqual(['r1:onFailure:2', 'r1:finally:2']);
  expect(again.hooks?.ran.map(({ id }) => id)).toEqual(['r1:onFailure:2', 'r1:finally:2']);
  // It failed, its fetcher died, and the next one completes it: that is told, too.
  const completed = new Place({ ends: 0, state: 'failed', ran: [{ ...ran[1], attempts: 5 }] });
  await completed.call(hooks);
  expect(ids).toEqual(['r1:finally']);
  expect(completed.hooks?.ran).toEqual([{ id: 'r1:finally', name: 'finally', attempts: 1 }]);
});

test('a stop lets a hook return, for five seconds; then the next fetcher calls it again', async () => {
  const quick = new Place();
  const quickly = quick.call({
    finally: ({ signal }) =>
      new Promise((resolve) => {
        setTimeout(() => resolve(signal.throwIfAborted()), 7_000);
      }),
  });
  await vi.advanceTimersByTimeAsync(3_000);
  quick.stop.abort();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await quickly).toBe(true);
  const slow = new Place();
  const slowly = slow.call({ finally: () => new Promise(() => undefined) });
  await vi.advanceTimersByTimeAsync(3_000);
  slow.stop.abort();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await slowly).toBe(false);
  expect(slow.hooks?.ran).toMatchObject([
    { attempts: 0, error: expect.stringContaining('stopped') },
  ]);
  // Between two attempts nothing is waited for.
  const failing = new Place();
  const failed = failing.call({ finally: () => Promise.reject(new Error('bad')) });
  await vi.advanceTimersByTimeAsync(0);
  failing.stop.abort();
  expect(await failed).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});

test('a fetcher that has lost its lease leaves its hooks to the next one', async () => {
  const place = new Place();
  let signal: AbortSignal | undefined;
  const calling = place.call({
    finally: (run) => {
      ({ signal } = run);
      return new Promise(() => undefined);
    },
  });
  const left = calling.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1_000);
  place.lost = new LeatError('lease-lost', 'Another fetcher has it.');
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await left).toBe(place.lost);
  expect(signal?.aborted).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
