import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CLOCK_BYTES, WorkClock } from './work-clock.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const pass = (ms: number): void => void vi.advanceTimersByTime(ms);

test('runs while at least one call is under way', () => {
  const clock = new WorkClock();
  pass(5);
  clock.begin();
  pass(10);
  clock.begin();
  pass(10);
  clock.end();
  pass(10);
  expect(clock.workedMs).toBe(30);
  clock.end();
  pass(1_000);
  expect(clock.workedMs).toBe(30);
  clock.begin();
  pass(3);
  expect(clock.workedMs).toBe(33);
});

test.each([
  ['while it runs', 0],
  ['while it stands', 1],
])('begins anew when somebody was busy, %s', (_, ends) => {
  const clock = new WorkClock();
  clock.begin();
  pass(50);
  if (ends === 1) clock.end();
  clock.restart();
  expect(clock.workedMs).toBe(0);
  if (ends === 1) clock.begin();
  pass(7);
  expect(clock.workedMs).toBe(7);
});

test('is read from another thread by its memory, and from another process by its states', () => {
  const memory = new SharedArrayBuffer(CLOCK_BYTES);
  const elsewhere = new WorkClock();
  const clock = new WorkClock(memory, (state) => elsewhere.set(state));
  const reader = new WorkClock(memory);
  clock.begin();
  pass(20);
  expect([reader.workedMs, elsewhere.workedMs]).toEqual([20, 20]);
  clock.end();
  pass(20);
  expect([reader.workedMs, elsewhere.workedMs]).toEqual([20, 20]);
});
