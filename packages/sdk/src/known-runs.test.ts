import { NO_COUNTS, type RunState, type RunWish } from '@leat/core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import type { Delivery } from './jetstream/chunk-queue.ts';
import type { Runs } from './jetstream/runs.ts';
import { fetcher, saver } from './define.ts';
import { pipeline } from './define-pipeline.ts';
import { KnownRuns } from './known-runs.ts';
import { createLogger } from './logger.ts';

const numbers = fetcher('numbers', {
  source: { kind: 'none', chunks: async function* () {} },
  schema: z.int(),
});
const steady = pipeline('p', {
  savers: [
    saver('out', {
      from: numbers,
      sink: { kind: 'none', open: () => Promise.reject(new Error('not opened here')) },
    }),
  ],
});

/** Runs by id, and how often each was looked up. */
function start(known: Readonly<Record<string, RunWish>>, fail = 0) {
  const fences: Record<string, number> = {};
  const states: Record<string, RunState> = {};
  const wished: string[] = [];
  const looked: string[] = [];
  let failures = fail;
  const runs = {
    get: async (run: string) => {
      looked.push(run);
      if (failures-- > 0) throw new Error('away');
      if (!(run in known)) return undefined;
      const { spec } = steady;
      return { run, pipeline: 'p', params: { a: run }, spec, createdAt: '2026-11-27' };
    },
    wish: async (run: string) => {
      wished.push(run);
      return known[run] ?? 'run';
    },
    progress: async (run: string) =>
      run in fences
        ? { progress: { fence: fences[run], state: states[run] ?? 'running' }, revision: 1 }
        : undefined,
  } as unknown as Runs;
  const abort = new AbortController();
  const logger = createLogger({ format: 'json', level: 'silent' });
  const options = { runs, pipeline: steady, stage: 'out', abort: abort.signal, logger };
  const service = new KnownRuns(options);
  onTestFinished(() => service.close());
  return { service, looked, wished, abort, fences, states };
}

/** A delivery that notes how it was settled. */
function deliver(run: string, deliveries = 1): { delivery: Delivery; settled: string[] } {
  const settled: string[] = [];
  const delivery: Delivery = {
    envelope: {
      run,
      chunk: { seq: 0, path: '' },
      counts: NO_COUNTS,
      position: { source: 'a', unit: 'line', first: 1 },
      sending: '',
    },
    body: new Uint8Array(),
    deliveries,
    ack: () => settled.push('ack'),
    giveBack: (delayMs) => settled.push(`back ${delayMs}`),
    drop: (reason) => settled.push(`drop: ${reason}`),
  };
  return { delivery, settled };
}

test('a run is looked up once, however many ask', async () => {
  const { service, looked } = start({ r: 'run' });
  const { delivery, settled } = deliver('r');
  const all = await Promise.all(Array.from({ length: 50 }, () => service.admit(delivery)));
  expect(new Set(all).size).toBe(1);
  expect(all[0]?.info).toEqual({ id: 'r', pipeline: 'p', params: { a: 'r' } });
  expect([looked, settled]).toEqual([['r'], []]);
});

test('what failed is looked up again', async () => {
  const { service } = start({ r: 'run' }, 1);
  await expect(service.admit(deliver('r').delivery)).rejects.toThrow('away');
  expect(await service.admit(deliver('r').delivery)).toBeDefined();
});

test.each<[string, number, string]>([
  ['unknown', 1, 'back 2000'],
  ['unknown', 20, 'drop: unknown run'],
  ['paused', 99, 'back 2000'],
  ['cancelled', 1, 'drop: the run was cancelled'],
])('a chunk of a run that is %s, delivered %i times: %s', async (run, deliveries, end) => {
  const { service } = start({ paused: 'pause', cancelled: 'cancel' });
  const { delivery, settled } = deliver(run, deliveries);
  expect(await service.admit(delivery)).toBeUndefined();
  expect(settled).toEqual([end]);
});

test('a bounded number of runs is remembered', async () => {
  const names = Array.from({ length: 150 }, (_, n) => `r${n}`);
  const { service, looked } = start(Object.fromEntries(names.map((name) => [name, 'run'])));
  for (const name of names) await service.admit(deliver(name).delivery);
  await service.admit(deliver('r149').delivery);
  expect(looked).toHaveLength(150);
  await service.admit(deliver('r0').delivery);
  expect(looked).toHaveLength(151);
});

test('the signal of a run is aborted with the service', async () => {
  const { service, abort } = start({ r: 'run' });
  const run = await service.admit(deliver('r').delivery);
  abort.abort(new Error('enough'));
  expect(run?.signal.aborted).toBe(true);
});

test('the fence of a run is 0 until it is known, and never falls', async () => {
  const { service, fences } = start({ r: 'run' });
  const run = await service.admit(deliver('r').delivery);
  expect(run?.fence).toBe(0);
  fences['r'] = 7;
  expect([await service.lookAtFence('r'), run?.fence]).toEqual([7, 7]);
  fences['r'] = 6;
  expect([await service.lookAtFence('r'), run?.fence]).toEqual([7, 7]);
  expect(await service.lookAtFence('unknown')).toBe(0);
});

test('a run that has ended for good is not asked for any more, until a chunk of it comes', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { service, looked, wished, fences, states } = start({ r: 'run', s: 'run' });
  Object.assign(fences, { r: 1, s: 1 });
  await service.admit(deliver('r').delivery);
  await service.admit(deliver('s').delivery);
  states['r'] = 'completed';
  // It may be resumed, and its chunks are still on their queues.
  states['s'] = 'failed';
  await vi.advanceTimersByTimeAsync(10_000);
  wished.length = 0;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(new Set(wished)).toEqual(new Set(['s']));
  // Its dead letters are tried again, under another fence.
  Object.assign(fences, { r: 2 });
  states['r'] = 'running';
  expect(await service.admit(deliver('r').delivery)).toMatchObject({ fence: 2 });
  expect(looked).toEqual(['r', 's', 'r']);
});

test('a run goes on whose cancellation the broker has lost', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const known: Record<string, RunWish> = { r: 'run' };
  const { service } = start(known);
  await service.admit(deliver('r').delivery);
  known['r'] = 'cancel';
  await vi.advanceTimersByTimeAsync(1_000);
  known['r'] = 'run';
  await vi.advanceTimersByTimeAsync(1_000);
  const run = await service.admit(deliver('r').delivery);
  expect(run?.signal.aborted).toBe(false);
});
