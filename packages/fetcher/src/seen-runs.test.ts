import type { RunRequest, RunWish } from '@leat/core';
import { createLogger, type Runs } from '@leat/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SeenRuns } from './seen-runs.ts';

const requestOf = (run: string): RunRequest => ({
  run,
  pipeline: 'p',
  params: {},
  spec: { name: 'p', stages: [] },
  createdAt: '2026-11-27T00:00:00.000Z',
  born: '0000000000001',
});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A standby over a broker that can lose what it knows. */
function start(wish: RunWish = 'run') {
  const broker = { known: ['a', 'b'], open: ['a', 'b'] };
  const told: RunRequest[] = [];
  const runs = {
    get: async (run: string) => (broker.known.includes(run) ? requestOf(run) : undefined),
    progress: async () => undefined,
    restore: async (request: RunRequest) => {
      told.push(request);
      broker.known.push(request.run);
      broker.open.push(request.run);
    },
    wishes: { get: async () => wish, change: async () => true },
  } as unknown as Runs;
  const seen = new SeenRuns(runs, createLogger({ format: 'json', level: 'silent' }));
  /** Looks as a fetcher does, twice a second. */
  const lookFor = async (ms: number): Promise<boolean[]> => {
    const lost: boolean[] = [];
    for (let passed = 0; passed < ms; passed += 500) {
      lost.push(await seen.look(broker.open.map(requestOf)));
      await vi.advanceTimersByTimeAsync(500);
    }
    return lost;
  };
  return { broker, told, lookFor };
}

test('a run that the broker has lost is told of again after some seconds, with what its sinks have', async () => {
  const { broker, told, lookFor } = start();
  expect(await lookFor(2_000)).not.toContain(true);
  broker.known = ['b'];
  broker.open = ['b'];
  // A fetcher that lives would tell of it within this time, and knows more.
  expect(await lookFor(4_500)).not.toContain(false);
  expect(told).toEqual([]);
  const lost = await lookFor(3_000);
  expect(told).toEqual([{ ...requestOf('a'), isRecovered: true }]);
  expect(lost.at(-1)).toBe(false);
});

test('a run that its fetcher tells of again, or that has ended, is left alone', async () => {
  const { broker, told, lookFor } = start();
  await lookFor(1_000);
  broker.open = ['b'];
  expect(await lookFor(1_000)).toEqual([false, false]);
  broker.known = [];
  broker.open = [];
  expect(await lookFor(3_000)).not.toContain(false);
  broker.known = ['a', 'b'];
  broker.open = ['b'];
  await lookFor(20_000);
  expect(told).toEqual([]);
});

test('a run that was being cancelled stays lost', async () => {
  const { broker, told, lookFor } = start('cancel');
  await lookFor(1_000);
  broker.known = [];
  broker.open = [];
  await lookFor(20_000);
  expect(told).toEqual([]);
});
