import { NatsServerError, reasonOf } from './error.ts';

/** How long a server may take to answer. Short: without a network the next rung is the better one. */
const ANSWER_TIMEOUT_MS = 4_000;

/** How long a download may stand still before it is given up. */
const STALL_TIMEOUT_MS = 15_000;

/** Reads an address piece by piece; fails with one sentence if it cannot be reached or falls silent. */
export async function* fetchBytes(
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const silence = new AbortController();
  const abort = (): void => silence.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', abort);
  const giveUp = (ms: number): void =>
    silence.abort(new NatsServerError(`${url} did not answer within ${ms / 1000} s`));
  let timer = setTimeout(giveUp, ANSWER_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: silence.signal });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new NatsServerError(`${url} answered ${response.status}`);
    }
    const body: AsyncIterable<Uint8Array> = response.body;
    for await (const part of body) {
      clearTimeout(timer);
      yield part;
      timer = setTimeout(giveUp, STALL_TIMEOUT_MS, STALL_TIMEOUT_MS);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof NatsServerError) throw error;
    throw new NatsServerError(`${url} cannot be read (${reasonOf(error)})`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
