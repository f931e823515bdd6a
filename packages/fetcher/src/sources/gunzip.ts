import { createGunzip } from 'node:zlib';

const ignore = (): void => {};

/**
 * Decompresses gzip, also of several members. What comes out is handed over before more is put in, so
 * that memory stays flat and all that precedes a fault is delivered before the fault is thrown.
 *
 * @param chunkBytes how large the buffers are that come out, and the most that a fault can take with it
 */
export async function* gunzip(
  compressed: AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const stream = createGunzip({ chunkSize: chunkBytes });
  let fault: Error | undefined;
  let hasEnded = false;
  let wake: () => void = ignore;
  stream.on('readable', () => wake());
  stream.on('end', () => {
    hasEnded = true;
    wake();
  });
  stream.on('error', (error) => {
    fault = error;
    wake();
  });

  async function* drain(isDone: () => boolean): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      for (let out: Buffer | null; (out = stream.read()) !== null;) yield out;
      if (fault !== undefined) throw fault;
      if (isDone()) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  try {
    for await (const input of compressed) {
      let isWritten = false;
      stream.write(input, () => {
        isWritten = true;
        wake();
      });
      yield* drain(() => isWritten);
    }
    stream.end();
    yield* drain(() => hasEnded);
  } finally {
    stream.destroy();
  }
}
