import { NO_COUNTS } from '@leat/core';
import { type Delivery, StageTelemetry } from '@leat/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RunQueue } from './run-queue.ts';
import type { RunSink } from './run-sink.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A queue, what became of its chunks, and when its run was said to take long. */
function start() {
  const parked: AbortSignal[] = [];
  const said: boolean[] = [];
  const queue = new RunQueue({} as RunSink, (isLong) => said.push(isLong));
  const add = (count: number): void => {
    for (let n = 0; n < count; n++) queue.add(deliveryOf((until) => parked.push(until)));
  };
  return { queue, parked, said, add };
}

function deliveryOf(park: Delivery['park']): Delivery {
  const chunk = { seq: 0, path: '' };
  const position = { source: 'a', unit: 'line', first: 1 } as const;
  return {
    envelope: { run: 'r', chunk, counts: { ...NO_COUNTS, in: 1 }, position, sending: '' },
    id: '0',
    body: Buffer.from('1\n'),
    deliveries: 1,
    telemetry: new StageTelemetry('out', {}).inHand(1),
    limitBlock: () => () => undefined,
    ack: () => undefined,
    giveBack: () => undefined,
    park,
    drop: () => undefined,
  };
}

test('a run whose commit takes long keeps the chunks of that commit, and parks all others until it is over', async () => {
  const { queue, parked, said, add } = start();
  add(40);
  const commit = new AbortController();
  const group = vi.fn<(chunks: readonly unknown[]) => Promise<void>>(async () => {
    await new Promise((resolve) => commit.signal.addEventListener('abort', resolve));
  });
  const working = queue.work(group);
  expect(group.mock.calls[0]?.[0]).toHaveLength(32);
  await vi.advanceTimersByTimeAsync(9_000);
  add(1);
  expect([parked.length, said]).toEqual([0, []]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect([parked.length, said, queue.isEmpty]).toEqual([9, [true], true]);
  add(1);
  expect(parked).toHaveLength(10);
  expect(parked.some(({ aborted }) => aborted)).toBe(false);
  commit.abort();
  await working;
  expect(parked.every(({ aborted }) => aborted)).toBe(true);
  expect(said).toEqual([true, false]);
  add(1);
  expect([parked.length, queue.isEmpty]).toEqual([10, false]);
});

test('what failed after a long time parks nothing any more', async () => {
  const { queue, parked, said, add } = start();
  add(33);
  const failed = queue.work(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    throw new Error('no answer');
  });
  failed.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(30_000);
  await expect(failed).rejects.toThrow('no answer');
  expect([parked.length, parked[0]?.aborted, said]).toEqual([1, true, [true, false]]);
});

test('chunks of 20 ms are committed together, unless none came before, or a whole group waits', async () => {
  const { queue, add } = start();
  const sizes: number[] = [];
  const work = (): Promise<void> =>
    queue.work((group) => {
      sizes.push(group.length);
      return Promise.resolve();
    });
  add(1);
  await work();
  expect(sizes).toEqual([1]);
  add(2);
  const second = work();
  await vi.advanceTimersByTimeAsync(19);
  add(3);
  expect(sizes).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1);
  await second;
  expect(sizes).toEqual([1, 5]);
  add(1);
  const third = work();
  add(40);
  await third;
  expect(sizes).toEqual([1, 5, 32]);
  await vi.advanceTimersByTimeAsync(20);
  await work();
  expect(sizes).toEqual([1, 5, 32, 9]);
});
