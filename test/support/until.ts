import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a condition holds, and fails with `what` when it does not in time. The time is long, because the
 * machine may be busy, and nobody waits for it who is right.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const begin = performance.now();
    if (await condition()) return;
    const now = performance.now();
    if (now > end) throw new Error(`not in ${deadlineMs} ms: ${what}`);
    // A look that is expensive must not take the time of what it waits for.
    await delay(Math.max(20, 2 * (now - begin)));
  }
}
