import { type ChunkInFlight, type ChunkLimits, LeatError } from '@leat/core';
import type { RunInfo } from '@leat/sdk';
import type { Logger } from '@leat/runtime';
import type { Outbox } from './outbox.ts';
import type { ReceiptIntake } from './receipt-intake.ts';
import type { RunBooks } from './run-books.ts';
import { ReadingStopped, RunSource } from './run-source.ts';
import type { SourceSilence } from './source-silence.ts';
import { type SenderOptions, type Sending, sendSourceChunk } from './send.ts';
import { watchQueues } from './watch-queues.ts';

export interface FeedOptions {
  readonly sender: SenderOptions;
  readonly run: RunInfo<unknown>;
  /** The run's own, by which it was cut from the beginning. */
  readonly limits: ChunkLimits;
  /** The lease's fencing token: a part of what tells one sending of a chunk from another. */
  readonly fence: number;
  readonly books: RunBooks;
  readonly outbox: Outbox;
  readonly receipts: ReceiptIntake;
  /** Ends the wait for a source. */
  readonly stop: AbortSignal;
  /** Told what is asked of the source. */
  readonly silence: SourceSilence;
  readonly logger: Logger;
}

/** Reads a run's source and feeds its chunks to the queues: for the first time, or again. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #source: RunSource;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#source = this.#readFrom(options.books.cursor);
  }

  /**
   * Reads on from the watermark to where an earlier fetcher had come, to know again where each chunk in
   * flight can be read. Sends nothing: what was sent is in the queues, or will be found lost.
   *
   * @throws {@link ReadingStopped}; LeatError `source-changed` if the dataset is not what it was
   */
  async recall(): Promise<void> {
    const { books } = this.#options;
    const until = books.next;
    for (let seq = books.watermark; seq < until; seq++) {
      const chunk = await this.#source.next();
      if (chunk === undefined) {
        throw new LeatError(
          'source-changed',
          `The dataset ends before chunk ${seq}, and ${until} chunks of it had been sent: it has changed since the run began.`,
        );
      }
      books.recall(seq, chunk);
    }
  }

  /**
   * Sends what was never sent.
   *
   * @param mayGoOn waits until there is room for a chunk; `false` to stop here
   * @returns the error, if the source turns out to be damaged
   */
  async sendAll(mayGoOn: () => Promise<boolean>): Promise<LeatError | undefined> {
    const { books } = this.#options;
    try {
      while (!books.ended && (await mayGoOn())) {
        const chunk = await this.#source.next();
        if (chunk === undefined) books.end();
        else this.#post({ ...books.send(chunk), chunk, sending: '' });
      }
      await this.#source.close();
      return undefined;
    } catch (error) {
      if (error instanceof ReadingStopped) {
        await this.#source.close();
        return undefined;
      }
      if (error instanceof LeatError && error.code.startsWith('source-')) return error;
      throw error;
    }
  }

  /**
   * Sends again what is lost, until nothing is to be sent any more.
   *
   * @throws LeatError `run-failed` if a chunk has been lost too often, `source-changed` if the dataset is not
   *   what it was
   */
  watch(): Promise<void> {
    const { sender, books, receipts, logger } = this.#options;
    return watchQueues({
      connection: sender.connection,
      run: books.run,
      inFlight: () => books.inFlight(),
      receipts,
      onLost: (lost) => this.#sendAgain(lost),
      signal: sender.signal,
      logger,
    });
  }

  /** Sends chunks again, read from the source anew. */
  async #sendAgain(lost: readonly ChunkInFlight[]): Promise<void> {
    const { books, logger } = this.#options;
    const [first] = lost;
    if (first === undefined) return;
    const fields = { run: books.run, chunks: lost.length, first: first.seq };
    logger.warn(fields, 'chunks lost, sending again');
    const wanted = new Set(lost.map(({ seq }) => seq));
    const source = this.#readFrom(first.cursor);
    try {
      await this.#sendFrom(source, first.seq, wanted);
    } catch (error) {
      if (!(error instanceof ReadingStopped)) throw error;
    } finally {
      await source.close();
    }
  }

  /** Sends those chunks again that are wanted, of a source that is read from the first of them. */
  async #sendFrom(source: RunSource, first: number, wanted: Set<number>): Promise<void> {
    const { outbox, fence, books, sender } = this.#options;
    for (let seq = first; wanted.size > 0; seq++) {
      const chunk = await source.next();
      if (chunk === undefined) break;
      if (!wanted.delete(seq)) continue;
      await outbox.untilRoom(sender.signal);
      const again = books.resend(seq, chunk);
      if (again === undefined) continue;
      const { checksum, resends } = again;
      this.#post({ seq, chunk, checksum, sending: `${fence}.${resends}` });
    }
  }

  #readFrom(cursor: ChunkInFlight['cursor']): RunSource {
    const { sender, run, limits, stop, silence } = this.#options;
    const { pipeline, signal } = sender;
    return new RunSource(pipeline, run, limits, cursor, { signal, stop, silence });
  }

  #post(sending: Sending): void {
    const { sender, books, outbox } = this.#options;
    const { seq, chunk } = sending;
    outbox.post(sendSourceChunk(sender, sending), () => books.stored(seq, chunk));
  }
}
