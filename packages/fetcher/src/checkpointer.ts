import { type Backoff, LEASE_MS, LeatError, messageOf, Pace, type RunState } from '@leat/core';
import {
  Bell,
  type Logger,
  persist,
  type PipelineConnection,
  type ReceiptDelivery,
} from '@leat/runtime';
import type { Lease } from './lease.ts';
import type { RunBooks } from './run-books.ts';
import type { RunCheckpoint } from './run-checkpoint.ts';

/** How often the books are written down while something changes. */
const CHECKPOINT_MS = 1_000;
/** With so many messages of receipts waiting, a checkpoint does not: the stream hands out only so many. */
const PRESSING = 256;
/** How often the lease is renewed while nothing does. */
const RENEW_MS = LEASE_MS / 3;

const WRITE_BACKOFF: Backoff = {
  initialDelayMs: 100,
  maxDelayMs: 2_000,
  factor: 2,
  jitter: 'none',
};

export interface CheckpointerOptions {
  readonly books: RunBooks;
  readonly lease: Lease;
  readonly connection: PipelineConnection;
  /** After it, a ledger that cannot be written is waited for no longer than the lease lasts. */
  readonly stop: AbortSignal;
  readonly logger: Logger;
}

/**
 * Writes the books down, and acknowledges receipts only after a checkpoint has them. One write at a
 * time; each says what the books hold at its beginning.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** Receipts that are in the books, and whose messages wait for a checkpoint. */
  #unacknowledged: ReceiptDelivery[] = [];
  /** See `RunBooks.changes`: how many were written down. */
  #written = 0;
  /** Whether the last write has been asked for: nothing may be written after it. */
  #isEnding = false;
  #savedAt = performance.now();
  #writing: Promise<void> = Promise.resolve();
  readonly #bell = new Bell();
  readonly #pace = new Pace();

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Takes receipts that the books have, to acknowledge them after the next checkpoint. */
  keep(delivery: ReceiptDelivery): void {
    this.#unacknowledged.push(delivery);
    this.#bell.ring();
  }

  /**
   * Checkpoints now and then, until told to stop.
   *
   * @throws LeatError `lease-lost`
   */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const isPressing = (): boolean => this.#unacknowledged.length >= PRESSING;
      await this.#bell.within(CHECKPOINT_MS, isPressing, signal).catch(() => undefined);
      if (signal.aborted || this.#isEnding) return;
      if (this.#isDue) await this.write();
    }
  }

  get #isDue(): boolean {
    const isChanged = this.#options.books.changes !== this.#written;
    const isRenewal = performance.now() - this.#savedAt >= RENEW_MS;
    return isChanged || this.#unacknowledged.length > 0 || isRenewal;
  }

  /** Checkpoints now. @throws LeatError `lease-lost`, or `run-failed` if the ledger does not fit */
  write(): Promise<void> {
    const { lease, books } = this.#options;
    return this.#write(() => {
      this.#pace.add(books.report(lease.progress), performance.now());
      return lease.save({ ...books.checkpoint(), pace: this.#pace.estimate });
    });
  }

  /** Writes the books down for the last time: the run has ended. */
  end(state: RunState, reason?: string): Promise<void> {
    const { lease, books } = this.#options;
    this.#isEnding = true;
    return this.#write(() => lease.end(books.checkpoint(), state, reason));
  }

  /**
   * Ends the run as failed. A ledger that does not fit stays as it was written last: receipts that came
   * since are not acknowledged, and come again to the next fetcher.
   */
  fail(reason: string): Promise<void> {
    const { lease } = this.#options;
    return this.#unlessTooLarge(
      () => this.end('failed', reason),
      (last) => lease.end(last, 'failed', reason),
    );
  }

  /** Checkpoints now, also while the ledger does not fit: as {@link fail}, and the run goes on. */
  note(): Promise<void> {
    const { lease } = this.#options;
    return this.#unlessTooLarge(
      () => this.write(),
      (last) => lease.save(last),
    );
  }

  /** Writes the books down for the last time here: the run goes on elsewhere, or later. */
  giveBack(): Promise<void> {
    const { lease, books } = this.#options;
    this.#isEnding = true;
    return this.#unlessTooLarge(
      () => this.#write(() => lease.giveBack(books.checkpoint())),
      (last) => lease.giveBack(last),
    );
  }

  /** @param again is given the ledger that was written last, which fits */
  async #unlessTooLarge(
    write: () => Promise<void>,
    again: (last: RunCheckpoint) => Promise<void>,
  ): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof LeatError && error.code === 'run-failed')) throw error;
      const { lease, books } = this.#options;
      const last = { ...books.checkpoint(), ledger: lease.progress.ledger };
      await this.#write(() => again(last), []);
    }
  }

  /** @param receipts those that the written books have; by default, all that are in the books now */
  #write(write: () => Promise<void>, receipts?: ReceiptDelivery[]): Promise<void> {
    // The server may be away. The lease may be lost meanwhile, and that is final.
    const writing = (): Promise<void> =>
      persist(() => this.#writeOnce(write, receipts), {
        backoff: WRITE_BACKOFF,
        onWait: ({ error, retryInMs }) => this.#mend(error, retryInMs),
      });
    // After a write that failed for good, the run may still be ended.
    this.#writing = this.#writing.then(writing, writing);
    return this.#writing;
  }

  async #writeOnce(write: () => Promise<void>, receipts?: ReceiptDelivery[]): Promise<void> {
    const taken = receipts ?? this.#takeUnacknowledged();
    const { changes } = this.#options.books;
    try {
      await write();
    } catch (error) {
      this.#unacknowledged = [...taken, ...this.#unacknowledged];
      throw error;
    }
    this.#written = changes;
    this.#savedAt = performance.now();
    for (const { ack } of taken) ack();
  }

  #takeUnacknowledged(): ReceiptDelivery[] {
    const taken = this.#unacknowledged;
    this.#unacknowledged = [];
    return taken;
  }

  /** @throws LeatError if the ledger cannot be written by trying again */
  async #mend(cause: unknown, retryInMs: number): Promise<void> {
    const { connection, lease, stop, logger } = this.#options;
    if (connection.link.isClosed) {
      throw new LeatError('unreachable', 'The connection to NATS was closed.', { cause });
    }
    if (stop.aborted && performance.now() - this.#savedAt >= LEASE_MS) {
      throw new LeatError(
        'lease-lost',
        `The ledger of the run ${lease.run} could not be written before its lease ran out (${messageOf(cause)}): the next fetcher goes on from the last one that was.`,
        { cause },
      );
    }
    logger.warn({ run: lease.run, retryInMs }, `ledger not written yet: ${messageOf(cause)}`);
    await connection.repair().catch(() => undefined);
  }
}
