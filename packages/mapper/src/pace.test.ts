import { expect, onTestFinished, test, vi } from 'vitest';
import { Pace } from './pace.ts';

const { signal } = new AbortController();

test('chunks of the usual size: one is worked on, and one more is not asked for while it takes long', async () => {
  const pace = new Pace(1, 16);
  expect(await pace.slots.takeFree(signal)).toBe(1);
  pace.came(100);
  pace.slots.release();
  expect(await pace.slots.takeFree(signal)).toBe(1);
});

test('small chunks: as many as their records can be worked on at the same time', async () => {
  const pace = new Pace(1, 16);
  expect(await pace.slots.takeFree(signal)).toBe(1);
  pace.came(1);
  expect(await pace.slots.takeFree(signal)).toBe(15);
});

test('chunks that become smaller, and larger again', async () => {
  const pace = new Pace(1, 16);
  for (let chunk = 0; chunk < 10; chunk += 1) pace.came(100);
  for (let chunk = 0; chunk < 10; chunk += 1) pace.came(1);
  const small = await pace.slots.takeFree(signal);
  expect(small).toBeGreaterThan(10);
  pace.slots.release(small);
  for (let chunk = 0; chunk < 10; chunk += 1) pace.came(100);
  expect(await pace.slots.takeFree(signal)).toBe(1);
});

test('in threads, the size of a chunk changes nothing', async () => {
  const pace = new Pace(2);
  pace.came(1);
  expect(await pace.slots.takeFree(signal)).toBe(2);
});

test('chunks that inline stages have do not count, up to as many as a replica holds at most', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const pace = new Pace(1, 16);
  expect(await pace.slots.takeFree(signal)).toBe(1);
  // Each takes longer than what is held ahead: there is one slot, and another for each that is passed on.
  for (let below = 1; below <= 64; below += 1) {
    const startedAt = performance.now();
    vi.advanceTimersByTime(60_000);
    pace.handsOver(startedAt);
    pace.came(100);
    expect(await pace.slots.takeFree(signal)).toBe(1);
  }
  const most = pace.slots.taken;
  const startedAt = performance.now();
  vi.advanceTimersByTime(60_000);
  pace.handsOver(startedAt);
  expect(pace.slots.taken).toBe(most);
});
