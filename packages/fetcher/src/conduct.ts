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
import type { Pipeline, RunInfo } from '@leat/sdk';
import {
  type Logger,
  type PipelineConnection,
  type ReceiptDelivery,
  type ReceiptStream,
  receiveReceipts,
  wait,
} from '@leat/sdk/internal';
import { Checkpointer } from './checkpointer.ts';
import { Feed } from './feed.ts';
import type { Lease } from './lease.ts';
import { Outbox } from './outbox.ts';
import { watchQueues } from './watch-queues.ts';
import { watchWish } from './watch-wish.ts';

/** How often `onProgress` is told. */
const REPORT_MS = 200;
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
      const feed = this.#openFeed();
      await feed.recall();
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
        onLost: (lost) => this.#sendAgain(feed, lost),
        signal: this.#over.signal,
        logger,
      }).catch(failed);
      const damage = await feed.sendAll(() => this.#untilRoom());
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

  #openFeed(): Feed {
    const { pipeline, lease } = this.#options;
    return new Feed({
      pipeline,
      run: this.#run,
      fence: lease.fence,
      ledger: this.#ledger,
      checkpointer: this.#checkpointer,
      outbox: this.#outbox,
      signal: this.#over.signal,
    });
  }

  async #untilRoom(): Promise<boolean> {
    const { stop, pipeline } = this.#options;
    await this.#until(
      () =>
        !this.#isPaused &&
        this.#ledger.inFlightCount < pipeline.fetcher.window &&
        !this.#outbox.isFull,
    );
    return !stop.aborted;
  }

  async #sendAgain(feed: Feed, lost: readonly ChunkInFlight[]): Promise<void> {
    const fields = { run: this.#run.id, chunks: lost.length, first: lost[0]?.seq };
    this.#options.logger.warn(fields, 'chunks lost, sending again');
    await feed.sendAgain(lost);
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
