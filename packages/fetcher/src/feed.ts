import { type ChunkInFlight, type ChunkLimits, LeatError, type Ledger } from '@leat/core';
import type { Pipeline, RunInfo, SourceChunk } from '@leat/sdk';
import type { Checkpointer } from './checkpointer.ts';
import type { Outbox } from './outbox.ts';
import { RunSource } from './run-source.ts';
import { checksumOf, countsOf } from './send.ts';

/** How often a chunk may be lost before it is clear that it will always be. */
const MAX_RESENDS = 20;

export interface FeedOptions {
  readonly pipeline: Pipeline;
  readonly run: RunInfo<unknown>;
  /** The run's own, by which it was cut from the beginning. */
  readonly limits: ChunkLimits;
  /** The lease's fencing token: a part of what tells one sending of a chunk from another. */
  readonly fence: number;
  readonly ledger: Ledger;
  readonly checkpointer: Checkpointer;
  readonly outbox: Outbox;
  readonly signal: AbortSignal;
}

/** Reads a run's source and feeds its chunks to the queues: for the first time, or again. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #source: RunSource;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#source = this.#readFrom(options.ledger.checkpoint().cursor);
  }

  /**
   * Reads on from the watermark to where an earlier fetcher had come, to know again where each chunk in
   * flight can be read. Sends nothing: what was sent is in the queues, or will be found lost.
   *
   * @throws LeatError `source-changed` if the dataset is not what it was
   */
  async recall(): Promise<void> {
    const { ledger } = this.#options;
    const until = ledger.next;
    for (let seq = ledger.watermark; seq < until; seq++) {
      const chunk = await this.#source.next();
      if (chunk === undefined) {
        throw new LeatError(
          'source-changed',
          `The dataset ends before chunk ${seq}, and ${until} chunks of it had been sent: it has changed since the run began.`,
        );
      }
      this.#note(seq, chunk);
    }
  }

  /**
   * Sends what was never sent.
   *
   * @param mayGoOn waits until there is room for a chunk; `false` to stop here
   * @returns the error, if the source turns out to be damaged
   */
  async sendAll(mayGoOn: () => Promise<boolean>): Promise<LeatError | undefined> {
    const { ledger, checkpointer, outbox } = this.#options;
    try {
      while (!ledger.ended && (await mayGoOn())) {
        const chunk = await this.#source.next();
        if (chunk === undefined) {
          ledger.end();
          checkpointer.changed();
          break;
        }
        const seq = ledger.next;
        outbox.send({ seq, chunk, checksum: this.#note(seq, chunk), sending: '' });
      }
      await this.#source.close();
      return undefined;
    } catch (error) {
      if (error instanceof LeatError && error.code.startsWith('source-')) return error;
      throw error;
    }
  }

  /**
   * Sends again what is lost, read from the source anew.
   *
   * @throws LeatError `run-failed` if a chunk has been lost too often, `source-changed` if the dataset is not
   *   what it was
   */
  async sendAgain(lost: readonly ChunkInFlight[]): Promise<void> {
    const { outbox, fence, ledger } = this.#options;
    const [first] = lost;
    if (first === undefined) return;
    const wanted = new Map(lost.map((chunk) => [chunk.seq, chunk]));
    const source = this.#readFrom(first.cursor);
    for (let seq = first.seq; wanted.size > 0; seq++) {
      const chunk = await source.next();
      if (chunk === undefined) break;
      const missing = wanted.get(seq);
      if (missing === undefined || !wanted.delete(seq)) continue;
      missing.resends++;
      if (missing.resends > MAX_RESENDS) {
        throw new LeatError(
          'run-failed',
          `Chunk ${seq} was sent ${missing.resends} times and lost each time: the log of mappers and savers says why they dropped it.`,
        );
      }
      const checksum = checksumOf(chunk);
      ledger.demandSame(seq, checksum);
      await outbox.untilRoom();
      outbox.send({ seq, chunk, checksum, sending: `${fence}.${missing.resends}` });
    }
    await source.close();
  }

  #readFrom(cursor: ChunkInFlight['cursor']): RunSource {
    const { pipeline, run, limits, signal } = this.#options;
    return new RunSource(pipeline, run, limits, cursor, signal);
  }

  /** @returns its checksum */
  #note(seq: number, chunk: SourceChunk): string {
    const { ledger, checkpointer } = this.#options;
    const { nextCursor, fraction } = chunk;
    const checksum = checksumOf(chunk);
    const sent = { records: countsOf(chunk).in, nextCursor, fraction, checksum };
    ledger.send(seq, sent, performance.now());
    checkpointer.changed();
    return checksum;
  }
}
