import { expect, onTestFinished, test } from 'vitest';
import { wait } from './wait.ts';

test('waits', async () => {
  const startedAt = performance.now();
  await wait(30);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(29);
});

test('ends with the reason of the signal, before or meanwhile', async () => {
  const reason = new Error('enough');
  await expect(wait(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  const later = new AbortController();
  const waiting = wait(60_000, later.signal);
  later.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

test('hundreds may wait on one signal without a warning', async () => {
  const { signal } = new AbortController();
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  await Promise.all(Array.from({ length: 300 }, () => wait(1, signal)));
  await new Promise(setImmediate);
  expect(warnings).toEqual([]);
});

test.each([2 ** 31, Date.now(), Infinity])(
  'what no timer can wait, %d ms, is not over at once',
  async (ms) => {
    const over = new AbortController();
    const waiting = wait(ms, over.signal).then(
      () => 'over',
      () => 'stopped',
    );
    await wait(20);
    over.abort();
    expect(await waiting).toBe('stopped');
  },
);
