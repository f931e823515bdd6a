import { setMaxListeners } from 'node:events';

/** Waits, or throws the signal's reason as soon as it is aborted. Any number may wait on one signal. */
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
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
  signal?.throwIfAborted();
}
