/**
 * Waits for something, but not longer than until the signal is aborted.
 *
 * @throws the reason of the signal
 */
export async function unlessAborted<T>(doing: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return doing;
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const fail = (): void => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true, signal: over.signal });
  });
  try {
    return await Promise.race([doing, aborted]);
  } finally {
    over.abort();
  }
}
