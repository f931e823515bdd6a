import { wait } from '@leat/runtime';

/** How long a sink may be silent while it is read. */
const SILENCE_MS = 60_000;

/** Waits for a sink that is read. @throws Error if it does not answer within a minute, as where a table is locked */
export async function answered<T>(asked: Promise<T>): Promise<T> {
  const over = new AbortController();
  const silence = wait(SILENCE_MS, over.signal).then(() => {
    throw new Error(`it has not answered for ${SILENCE_MS / 1_000} s`);
  });
  try {
    return await Promise.race([asked, silence]);
  } finally {
    over.abort();
  }
}
