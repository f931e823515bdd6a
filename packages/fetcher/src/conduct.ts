import {
  type ChunkInFlight,
  completedState,
  isEnded,
  LeatError,
  Ledger,
  reportOf,
  type RunReport,
  type RunRequest,
  type RunWish,
} from '@leat/core';
import type { Pipeline, RunInfo, SourceChunk } from '@leat/sdk';
import {
  type Logger,
  type PipelineConnection,
  type ReceiptDelivery,
  type ReceiptStream,
  receiveReceipts,
  wait,
} from '@leat/sdk/internal';
import { Checkpointer } from './checkpointer.ts';
import type { Lease } from './lease.ts';
import { Outbox } from './outbox.ts';
import { RunSource } from './run-source.ts';
import { watchQueues } from './watch-queues.ts';
import { watchWish } from './watch-wish.ts';
import { countsOf } from './send.ts';

/** How often `onProgress` is told. */
const REPORT_MS = 200;
/** How often a chunk may be lost before it is clear that it will always be. */
const MAX_RESENDS = 20;
/**
 * How often a receipt is given back whose chunk has not been sent: about two minutes, as long as JetStream
 * remembers a message id.
 */
const MAX_PREMATURE_DELIVERIES = 240;

export interface ConductOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly request: RunRequest;
  readonly lease: Lease;
  readonly logger: Logger;
  /** Stops sending, checkpoints, and gives the lease back. */
  readonly stop: AbortSignal;
  /** Told a few times a second how far the run has come. */
  readonly onProgress?: (report: RunReport) => void;
}

/** How a run was left. */
export interface Conducted {
  readonly report: RunReport;
  /** Why the run failed, if it did. */
  readonly error?: LeatError;
}

/**
 * Takes a run from where its ledger stands to its end, or until told to stop: sends chunks while there
 * is room in the window, takes receipts into the ledger, checkpoints, and sends again what is lost.
 *
 * @throws LeatError `lease-lost` if another fetcher has taken over; the run goes on there
 */
export async function conduct(options: ConductOptions): Promise<Conducted> {
  return new Conductor(options).run();
}

class Conductor {
  readonly #options: ConductOptions;
  readonly #ledger: Ledger;
  readonly #run: RunInfo;
  readonly #outbox: Outbox;
  /** Aborted when the run has ended here, in whichever way. */
  readonly #over = new AbortController();
  readonly #checkpointer: Checkpointer;
  #receipts: ReceiptStream | undefined;
  #lastReceiptAt = performance.now();
  #isPaused = false;
  #wake: () => void = () => undefined;

  constructor(options: ConductOptions) {
    this.#options = options;
    const { request, connection, pipeline, lease, logger } = options;
    this.#ledger = new Ledger(lease.progress.ledger);
    this.#checkpointer = new Checkpointer(this.#ledger, lease, connection, logger);
    this.#run = { id: request.run, pipeline: request.pipeline, params: request.params };
    this.#outbox = new Outbox(
      { connection, pipeline, run: request.run, signal: this.#over.signal },
      this.#ledger,
      () => this.#wake(),
      (error) => this.#over.abort(error),
    );
  }

  async run(): Promise<Conducted> {
    const { connection, logger, stop, request } = this.#options;
    const wake = (): void => this.#wake();
    stop.addEventListener('abort', wake, { once: true });
    this.#over.signal.addEventListener('abort', wake, { once: true });
    const failed = (error: unknown): void => this.#over.abort(error);
    try {
      this.#checkpointer.run(this.#over.signal).catch(failed);
      this.#keepReporting().catch(failed);
      watchWish(connection.runs, this.#run.id, this.#over.signal, (wish) =>
        this.#takeWish(wish),
      ).catch(failed);
      const source = this.#readFrom(this.#ledger.checkpoint().cursor);
      await this.#recall(source);
      this.#receipts = await receiveReceipts({
        connection,
        run: this.#run.id,
        handle: (delivery) => this.#take(delivery),
        signal: this.#over.signal,
        logger,
      });
      this.#receipts.done.catch(failed);
      watchQueues({
        connection,
        run: this.#run.id,
        ledger: this.#ledger,
        lastReceiptAt: () => this.#lastReceiptAt,
        receiptsHeld: this.#receipts.held,
        onLost: (lost) => this.#sendAgain(lost),
        signal: this.#over.signal,
        logger,
      }).catch(failed);
      const damage = await this.#sendAll(source);
      await this.#until(() => this.#ledger.inFlightCount === 0);
      await this.#outbox.untilEmpty(stop);
      this.#over.signal.throwIfAborted();
      return await this.#finish(damage);
    } catch (error) {
      const reason: unknown = this.#over.signal.aborted ? this.#over.signal.reason : error;
      if (reason instanceof RunCancelled) return await this.#cancel();
      if (!(reason instanceof LeatError)) throw reason;
      if (reason.code === 'lease-lost') throw reason;
      logger.error({ run: request.run }, reason.message);
      await this.#checkpointer.end('failed', reason.message);
      return { report: this.#report(), error: reason };
    } finally {
      stop.removeEventListener('abort', wake);
      this.#over.abort();
      await this.#receipts?.done;
    }
  }

  #readFrom(cursor: ChunkInFlight['cursor']): RunSource {
    return new RunSource(this.#options.pipeline, this.#run, cursor, this.#over.signal);
  }

  /**
   * Reads on from the watermark to where an earlier fetcher had come, to know again where each chunk in
   * flight can be read. Sends nothing: what was sent is in the queues, or will be found lost.
   */
  async #recall(source: RunSource): Promise<void> {
    const until = this.#ledger.next;
    for (let seq = this.#ledger.watermark; seq < until; seq++) {
      const chunk = await source.next();
      if (chunk === undefined) {
        throw new LeatError(
          'source-changed',
          `The dataset ends before chunk ${seq}, and ${until} chunks of it had been sent: it has changed since the run began.`,
        );
      }
      this.#noteSent(seq, chunk);
    }
  }

  /** Sends what was never sent. Gives the error, if the source turns out to be damaged. */
  async #sendAll(source: RunSource): Promise<LeatError | undefined> {
    const { stop, pipeline } = this.#options;
    try {
      while (!this.#ledger.ended) {
        await this.#until(
          () =>
            !this.#isPaused &&
            this.#ledger.inFlightCount < pipeline.fetcher.window &&
            !this.#outbox.isFull,
        );
        if (stop.aborted) break;
        const chunk = await source.next();
        if (chunk === undefined) {
          this.#ledger.end();
          this.#checkpointer.changed();
          break;
        }
        const seq = this.#ledger.next;
        this.#noteSent(seq, chunk);
        this.#outbox.send(seq, chunk, '');
      }
      await source.close();
      return undefined;
    } catch (error) {
      if (error instanceof LeatError && error.code.startsWith('source-')) return error;
      throw error;
    }
  }

  #noteSent(seq: number, chunk: SourceChunk): void {
    const { nextCursor, fraction } = chunk;
    const records = countsOf(chunk).in;
    this.#ledger.send(seq, { records, nextCursor, fraction }, performance.now());
    this.#checkpointer.changed();
  }

  #take(delivery: ReceiptDelivery): void {
    let isPremature = false;
    let isNew = false;
    try {
      for (const receipt of delivery.receipts) {
        const settlement = this.#ledger.settle(receipt);
        isPremature ||= settlement === 'premature';
        isNew ||= settlement === 'settled' || settlement === 'part';
      }
    } catch (error) {
      this.#over.abort(error);
      return;
    }
    // A predecessor sent the chunk after its last checkpoint: it will be sent again, and JetStream will
    // drop it as a duplicate, so this receipt is the only one there will be. Later it would not be, and
    // receipts that nobody takes must not fill their stream for ever.
    const isWorthKeeping = delivery.deliveries < MAX_PREMATURE_DELIVERIES;
    if (isPremature && !this.#ledger.ended && isWorthKeeping) {
      delivery.giveBack();
      // It comes again and again, which must not look as if the run went on.
      if (!isNew) return;
    } else {
      this.#checkpointer.keep(delivery);
    }
    this.#checkpointer.changed();
    this.#lastReceiptAt = performance.now();
    this.#wake();
  }

  /** Waits for a condition that only receipts, publishes and signals change. */
  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet() && !this.#options.stop.aborted) {
      this.#over.signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #finish(damage: LeatError | undefined): Promise<Conducted> {
    if (this.#ledger.isComplete) {
      await this.#checkpointer.end(completedState(this.#ledger.checkpoint()));
      this.#over.abort();
      await this.#receipts?.done;
      await this.#cleanUp();
    } else if (damage !== undefined && this.#ledger.inFlightCount === 0) {
      await this.#checkpointer.end('failed', damage.message);
      this.#options.logger.error({ run: this.#run.id }, damage.message);
      return { report: this.#report(), error: damage };
    } else {
      await this.#checkpointer.giveBack();
    }
    return { report: this.#report() };
  }

  #takeWish(wish: RunWish): void {
    const { lease, logger } = this.#options;
    if (wish === 'cancel') {
      this.#over.abort(new RunCancelled());
      return;
    }
    this.#isPaused = wish === 'pause';
    lease.setPaused(this.#isPaused);
    this.#checkpointer.changed();
    logger.info({ run: this.#run.id }, this.#isPaused ? 'run paused' : 'run goes on');
    this.#wake();
  }

  async #keepReporting(): Promise<void> {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    const { signal } = this.#over;
    while (!signal.aborted) {
      onProgress(this.#report());
      await wait(REPORT_MS, signal).catch(() => undefined);
    }
  }

  async #sendAgain(lost: readonly ChunkInFlight[]): Promise<void> {
    const { lease, logger } = this.#options;
    const [first] = lost;
    if (first === undefined) return;
    logger.warn(
      { run: this.#run.id, chunks: lost.length, first: first.seq },
      'chunks lost, sending again',
    );
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
      await this.#outbox.untilRoom();
      this.#outbox.send(seq, chunk, `${lease.fence}.${missing.resends}`);
    }
    await source.close();
  }

  /** Ends the run with what is saved so far, and takes its messages off all queues. */
  async #cancel(): Promise<Conducted> {
    await this.#checkpointer.end('cancelled');
    await this.#receipts?.done;
    await this.#cleanUp();
    return { report: this.#report() };
  }

  /** Removes what a finished run leaves on the server. */
  async #cleanUp(): Promise<void> {
    const { connection, logger } = this.#options;
    try {
      await connection.removeRun(this.#run.id);
    } catch (error) {
      logger.warn({ err: error, run: this.#run.id }, 'left-overs of the run not removed');
    }
  }

  #report(): RunReport {
    const { request, lease } = this.#options;
    const { progress } = lease;
    const ledger = isEnded(progress.state) ? progress.ledger : this.#ledger.checkpoint();
    return reportOf(request, { ...progress, ledger });
  }
}

/** Why a run is left that its operator does not want any more. */
class RunCancelled extends Error {}
