import { type JsonValue, LeatError, messageOf } from '@leat/core';
import type { Pipeline, RunInfo, SourceChunk } from '@leat/sdk';

/** Reads a run's source from a cursor, chunk by chunk. */
export class RunSource {
  readonly #iterator: AsyncIterator<SourceChunk>;
  readonly #signal: AbortSignal;

  constructor(pipeline: Pipeline, run: RunInfo, cursor: JsonValue, signal: AbortSignal) {
    const { chunkSize, maxBytes, source } = pipeline.fetcher;
    const chunks = source(run).chunks({ run, chunkSize, maxBytes, cursor, signal });
    this.#iterator = chunks[Symbol.asyncIterator]();
    this.#signal = signal;
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
      if (error instanceof LeatError || this.#signal.aborted) throw error;
      throw new LeatError('source-damaged', `The source failed: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
