import { setMaxListeners } from 'node:events';

/** The longest that a timer waits; with more it fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1; // 24 days

/** Waits, 24 days at most, or throws the signal's reason as soon as it is aborted. Any number may wait on one signal. */
export async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal !== undefined) setMaxListeners(0, signal);
  signal?.throwIfAborted();
  // The global timer, and not that of node:timers/promises, because it can be replaced in tests.
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, MAX_TIMER_MS));
    signal?.addEventListener('abort', end);
  });
  signal?.throwIfAborted();
}
