import { expect, test, vi } from 'vitest';
import { sayWhile } from './say-while.ts';

test('while something goes on, it is said for how long, and not any more afterwards', async () => {
  vi.useFakeTimers();
  try {
    const said: number[] = [];
    const doing = new Promise<string>((resolve) => {
      setTimeout(() => resolve('done'), 25_000);
    });
    const waiting = sayWhile(doing, (seconds) => said.push(seconds));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await waiting).toBe('done');
    expect(said).toEqual([10, 20]);
  } finally {
    vi.useRealTimers();
  }
});
