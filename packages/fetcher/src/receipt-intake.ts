import {
  confirmExecutions,
  type Logger,
  type PipelineConnection,
  type ReceiptDelivery,
  type ReceiptStream,
  receiveReceipts,
  type SaverSink,
} from '@leat/runtime';
import type { Checkpointer } from './checkpointer.ts';
import type { RunBooks, Taken } from './run-books.ts';
import type { RunLife } from './run-life.ts';

/**
 * How often a receipt is given back whose chunk has not been sent: about two minutes, as long as JetStream
 * remembers a message id.
 */
const MAX_PREMATURE_DELIVERIES = 240;

export interface ReceiptIntakeOptions {
  readonly connection: PipelineConnection;
  readonly run: string;
  /** The run's birth mark; absent for a run that an earlier version of Leat began. */
  readonly born: string | undefined;
  readonly books: RunBooks;
  /** Acknowledges what the books have. */
  readonly checkpointer: Pick<Checkpointer, 'keep'>;
  /** Whether what is saved in a sink counts. */
  readonly counts: (sink: SaverSink) => boolean;
  /** Told when receipts have changed the books. */
  readonly onTaken: () => void;
  /** Fails if receipts contradict the books, or can never be received again. */
  readonly life: RunLife;
  readonly logger: Logger;
}

/** Takes a run's receipts into its books, and leaves them to the checkpointer to acknowledge. */
export class ReceiptIntake {
  readonly #options: ReceiptIntakeOptions;
  #stream: ReceiptStream | undefined;
  #lastAt = performance.now();
  /** Messages of which it is being written down which dead letters count by them. */
  #confirming = 0;

  constructor(options: ReceiptIntakeOptions) {
    this.#options = options;
  }

  /** When the last receipt came, by `performance.now()`. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** How many messages of receipts wait for a checkpoint, or have been given back for a while. */
  get held(): number {
    return this.#stream?.held() ?? 0;
  }

  /** Begins to receive, if it has not begun yet; until the run is over here. */
  async open(): Promise<void> {
    if (this.#stream !== undefined) return;
    const { connection, run, born, life, logger } = this.#options;
    const handle = (delivery: ReceiptDelivery): void => this.#take(delivery);
    this.#stream = await receiveReceipts({
      connection,
      run,
      born,
      handle,
      signal: life.over,
      logger,
    });
    this.#stream.done.catch((error: unknown) => life.fail(error));
  }

  /** Waits, after the signal, until what was not acknowledged is given back. */
  async ended(): Promise<void> {
    await this.#stream?.done;
  }

  /** Whether it is written down of all receipts which dead letters count by them. */
  get areConfirmed(): boolean {
    return this.#confirming === 0;
  }

  #take(delivery: ReceiptDelivery): void {
    const { books, checkpointer, counts, onTaken, life, run, logger } = this.#options;
    const { sink } = delivery;
    if (sink !== undefined && !counts(sink)) {
      // What they are for is missing where it counts, so it is found lost and sent again.
      logger.warn(
        { run, saver: sink.saver, place: sink.place },
        'receipts of another sink dropped',
      );
      delivery.drop('of another sink');
      return;
    }
    let taken: Taken;
    try {
      taken = books.take(delivery.receipts);
    } catch (error) {
      life.fail(error);
      return;
    }
    // A predecessor sent the chunk after its last checkpoint: it will be sent again, and JetStream will
    // drop it as a duplicate, so this receipt is the only one there will be. Later it would not be, and
    // receipts that nobody takes must not fill their stream for ever.
    const isWorthKeeping = delivery.deliveries < MAX_PREMATURE_DELIVERIES;
    if (taken.isPremature && !books.ended && isWorthKeeping) {
      delivery.giveBack();
      // It comes again and again, which must not look as if the run went on.
      if (!taken.isNew) return;
    } else {
      checkpointer.keep(this.#confirm(delivery, taken.executions));
    }
    this.#lastAt = performance.now();
    onTaken();
  }

  /** The same delivery, not to be acknowledged before it is written down which dead letters count by it. */
  #confirm(delivery: ReceiptDelivery, executions: readonly string[]): ReceiptDelivery {
    if (executions.length === 0) return delivery;
    const { connection, run, onTaken, life } = this.#options;
    this.#confirming++;
    const confirmed = confirmExecutions(connection, run, executions, life.over).then(
      () => {
        this.#confirming--;
        onTaken();
        return true;
      },
      (error: unknown) => {
        // After the signal, the receipts come to the next fetcher.
        if (!life.over.aborted) life.fail(error);
        return false;
      },
    );
    return {
      ...delivery,
      ack: () => void confirmed.then((isConfirmed) => isConfirmed && delivery.ack()),
    };
  }
}
