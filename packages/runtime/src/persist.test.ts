import { type Backoff, LeatError } from '@leat/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { persist, type Setback } from './persist.ts';

const backoff: Backoff = { initialDelayMs: 100, maxDelayMs: 400, factor: 2, jitter: 'none' };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** An action that fails with these errors, one after the other, and then works. */
function failing(...errors: readonly unknown[]): {
  readonly action: () => Promise<string>;
  readonly at: number[];
} {
  const startedAt = performance.now();
  const at: number[] = [];
  const action = async (): Promise<string> => {
    at.push(performance.now() - startedAt);
    const error = errors[at.length - 1];
    if (error !== undefined) throw error;
    return 'done';
  };
  return { action, at };
}

const away = new Error('away');
const final = new LeatError('run-failed', 'It cannot work.');

test('what works is done once', async () => {
  const { action, at } = failing();
  expect(await persist(action, { backoff })).toBe('done');
  expect(at).toEqual([0]);
});

test('what fails is tried again after ever longer waits, each of which is announced', async () => {
  const { action, at } = failing(away, away, away, away);
  const setbacks: Setback[] = [];
  const done = persist(action, { backoff, onWait: (setback) => void setbacks.push(setback) });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await done).toBe('done');
  expect(at).toEqual([0, 100, 300, 700, 1_100]);
  expect(setbacks.map(({ failures, retryInMs }) => [failures, retryInMs])).toEqual([
    [1, 100],
    [2, 200],
    [3, 400],
    [4, 400],
  ]);
  expect(setbacks[0]?.error).toBe(away);
});

test('an error of ours is final, unless it is said what is', async () => {
  await expect(persist(failing(final).action, { backoff })).rejects.toBe(final);
  const isFinal = (error: unknown): boolean => error === away;
  const { action } = failing(final, away);
  const done = persist(action, { backoff, isFinal });
  await Promise.all([expect(done).rejects.toBe(away), vi.advanceTimersByTimeAsync(100)]);
});

test('what is thrown before a wait ends the attempts; a repair is waited for', async () => {
  const { action, at } = failing(away, away, away);
  const onWait = async ({ failures }: Setback): Promise<void> => {
    await new Promise((resolve) => {
      setTimeout(resolve, 1_000);
    });
    if (failures === 2) throw final;
  };
  await Promise.all([
    expect(persist(action, { backoff, onWait })).rejects.toBe(final),
    vi.advanceTimersByTimeAsync(10_000),
  ]);
  expect(at).toEqual([0, 1_100]);
});

test('a signal ends the attempts with its reason, before the first or during a wait', async () => {
  const enough = new Error('enough');
  const none = failing();
  const signal = AbortSignal.abort(enough);
  await expect(persist(none.action, { backoff, signal })).rejects.toBe(enough);
  expect(none.at).toEqual([]);
  const { action, at } = failing(away, away);
  const stop = new AbortController();
  setTimeout(() => stop.abort(enough), 50);
  await Promise.all([
    expect(persist(action, { backoff, signal: stop.signal })).rejects.toBe(enough),
    vi.advanceTimersByTimeAsync(50),
  ]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(at).toEqual([0]);
});
