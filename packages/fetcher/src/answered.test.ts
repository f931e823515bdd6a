import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { answered } from './answered.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('a sink that answers is waited for, one that does not is left after a minute', async () => {
  expect(await answered(Promise.resolve(7))).toBe(7);
  await expect(answered(Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(vi.getTimerCount()).toBe(0);
  const silent = answered(new Promise(() => undefined));
  const end = vi.fn<(error: Error) => void>();
  silent.catch(end);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(end).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(end).toHaveBeenCalledWith(new Error('it has not answered for 60 s'));
});
