import { type ChunkLimits, type JsonValue, LeatError, messageOf } from '@leat/core';
import type { Pipeline, RunInfo, SourceChunk } from '@leat/sdk';

/** Reads a run's source from a cursor, chunk by chunk. */
export class RunSource {
  readonly #iterator: AsyncIterator<SourceChunk>;
  readonly #signal: AbortSignal;

  /**
   * @param limits the run's own, whatever the pipeline file says by now
   * @throws LeatError `invalid-pipeline` if the user's function throws, or gives no source
   */
  constructor(
    { fetcher: { name, source } }: Pipeline,
    run: RunInfo<unknown>,
    { chunkSize, maxBytes }: ChunkLimits,
    cursor: JsonValue,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    try {
      const chunks = source(run).chunks({ run, chunkSize, maxBytes, cursor, signal });
      this.#iterator = chunks[Symbol.asyncIterator]();
    } catch (error) {
      if (error instanceof LeatError) throw error;
      throw new LeatError(
        'invalid-pipeline',
        `The source of the fetcher ${name} cannot be made: ${messageOf(error)}.`,
        { cause: error },
      );
    }
  }

  /**
   * The next chunk, or `undefined` at the end.
   *
   * @throws LeatError `source-…`; what the source throws on its own account becomes `source-damaged`,
   * which fails the run, and lets it be resumed
   */
  async next(): Promise<SourceChunk | undefined> {
    try {
      const { value, done } = await this.#iterator.next();
      return done === true ? undefined : value;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#iterator.return?.();
    } catch {
      // Everything that was wanted has been read: a source that cannot close loses nothing.
    }
  }

  #explain(error: unknown): unknown {
    if (error instanceof LeatError || this.#signal.aborted) return error;
    return new LeatError('source-damaged', `The source failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
