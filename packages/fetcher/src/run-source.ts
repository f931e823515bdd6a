import { wait } from '@leat/runtime';
import {
  causesOf,
  type ChunkLimits,
  isThenable,
  type JsonValue,
  LeatError,
  messageOf,
} from '@leat/core';
import type { Pipeline, RunInfo, Source, SourceChunk } from '@leat/sdk';
import { demandChunk } from './demand-chunk.ts';
import type { SourceSilence } from './source-silence.ts';

/** How long a source may take to close. */
const CLOSE_MS = 1_000;

/** The fetcher has to stop, and does not wait for the source's next chunk. */
export class ReadingStopped extends Error {}

export interface RunSourceOptions {
  readonly signal: AbortSignal;
  /** Ends the wait for a chunk. */
  readonly stop: AbortSignal;
  readonly silence: SourceSilence;
}

/** Reads a run's source from a cursor, chunk by chunk. */
export class RunSource {
  readonly #iterator: AsyncIterator<SourceChunk>;
  readonly #signal: AbortSignal;
  readonly #stop: AbortSignal;
  readonly #silence: SourceSilence;
  readonly #onStop = (): void => this.#leave?.();
  /** Ends the wait for the chunk that is being read. */
  #leave: (() => void) | undefined;

  /**
   * @param limits the run's own, whatever the pipeline file says by now
   * @throws LeatError `invalid-pipeline` if the user's function throws, or gives no source
   */
  constructor(
    { fetcher: { name, source } }: Pipeline,
    run: RunInfo<unknown>,
    { chunkSize, maxBytes }: ChunkLimits,
    cursor: JsonValue,
    { signal, stop, silence }: RunSourceOptions,
  ) {
    this.#signal = signal;
    this.#stop = stop;
    this.#silence = silence;
    stop.addEventListener('abort', this.#onStop);
    try {
      const made: Source<unknown> | undefined = source(run);
      if (typeof made?.chunks !== 'function') {
        throw new TypeError(`the function gives ${isThenable(made) ? 'a promise' : 'no source'}`);
      }
      const chunks = made.chunks({ run, chunkSize, maxBytes, cursor, signal });
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
   * @throws {@link ReadingStopped}; LeatError `source-…`; what the source throws on its own account becomes
   * `source-damaged`, which fails the run, and lets it be resumed
   */
  async next(): Promise<SourceChunk | undefined> {
    this.#silence.asks(this);
    try {
      const { value, done } = await this.#unlessStopped(this.#iterator.next());
      return done === true ? undefined : demandChunk(value);
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#silence.answered(this);
    }
  }

  /** Lets the source close what it has open. One that waits for something closes when it has it, or never. */
  async close(): Promise<void> {
    const over = new AbortController();
    const late = wait(CLOSE_MS, over.signal).catch(() => undefined);
    try {
      await Promise.race([this.#iterator.return?.(), late]);
    } catch {
      // Everything that was wanted has been read: a source that cannot close loses nothing.
    } finally {
      over.abort();
      this.#stop.removeEventListener('abort', this.#onStop);
    }
  }

  /** A source may wait for somebody, and need not listen to a signal. */
  #unlessStopped<T>(reading: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#leave = () => reject(new ReadingStopped());
      if (this.#stop.aborted) this.#leave();
      reading.then(resolve, reject);
    });
  }

  #explain(error: unknown): unknown {
    if (error instanceof LeatError || error instanceof ReadingStopped) return error;
    if (this.#signal.aborted) return error;
    const reasons = [...causesOf(error)]
      .map((each) => messageOf(each))
      .filter((text) => text !== '');
    const reason = reasons.length === 0 ? messageOf(error) : [...new Set(reasons)].join(': ');
    return new LeatError('source-damaged', `The source failed: ${reason}`, { cause: error });
  }
}
