const SAY_MS = 10_000;

/**
 * Waits for something, and says from time to time for how long: the one who waits sees that it goes on.
 *
 * @param everyMs milliseconds from one time to the next
 */
export async function sayWhile<T>(
  doing: Promise<T>,
  say: (seconds: number) => void,
  everyMs: number = SAY_MS,
): Promise<T> {
  const startedAt = performance.now();
  const timer = setInterval(() => say(Math.round((performance.now() - startedAt) / 1000)), everyMs);
  try {
    return await doing;
  } finally {
    clearInterval(timer);
  }
}
