import { createGunzip } from 'node:zlib';

const ignore = (): void => {};

/** What is wrong with a compressed file; `message` is zlib's, or in its manner. */
export class GzipFault extends Error {
  override readonly name: string = 'GzipFault';
  /** Whether nothing is wrong but that the rest is missing, so that what came before it is good. */
  readonly isCutShort: boolean;

  constructor(cause: Error) {
    super(cause.message, { cause });
    this.isCutShort = 'code' in cause && cause.code === 'Z_BUF_ERROR';
  }
}

/**
 * Decompresses gzip, also of several members. What comes out is handed over before more is put in, so
 * that memory stays flat and all that precedes a fault is delivered before the fault is thrown. Zeros behind
 * the last member are padding; zlib stops there, so it is checked here that nothing else follows.
 *
 * @param chunkBytes how large the buffers are that come out, and the most that a fault can take with it
 * @throws GzipFault
 */
export async function* gunzip(
  compressed: AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const stream = createGunzip({ chunkSize: chunkBytes });
  let fault: GzipFault | undefined;
  let hasEnded = false;
  let wake: () => void = ignore;
  stream.on('readable', () => wake());
  stream.on('end', () => {
    hasEnded = true;
    wake();
  });
  stream.on('error', (error) => {
    fault = new GzipFault(error);
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
    let isOver = false;
    for await (const input of compressed) {
      if (isOver) {
        expectPadding(input);
        continue;
      }
      const before = stream.bytesWritten;
      let isWritten = false;
      stream.write(input, () => {
        isWritten = true;
        wake();
      });
      yield* drain(() => isWritten);
      const used = stream.bytesWritten - before;
      isOver = used < input.length;
      expectPadding(input.subarray(used));
    }
    stream.end();
    yield* drain(() => hasEnded);
  } finally {
    stream.destroy();
  }
}

function expectPadding(rest: Uint8Array): void {
  if (rest.every((byte) => byte === 0)) return;
  throw new GzipFault(new Error('something follows the padding behind the last member'));
}
