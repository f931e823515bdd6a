import {
  type Backoff,
  LEASE_MS,
  type Ledger,
  LeatError,
  messageOf,
  type RunState,
} from '@leat/core';
import {
  Bell,
  type Logger,
  persist,
  type PipelineConnection,
  type ReceiptDelivery,
} from '@leat/runtime';
import type { Lease } from './lease.ts';

/** How often the ledger is checkpointed while something changes. */
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
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly connection: PipelineConnection;
  /** After it, a ledger that cannot be written is waited for no longer than the lease lasts. */
  readonly stop: AbortSignal;
  readonly logger: Logger;
}

/**
 * Writes the ledger down, and acknowledges receipts only after a checkpoint has them. One write at a
 * time; each says what the ledger holds at its beginning.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** Receipts that are in the ledger, and whose messages wait for a checkpoint. */
  #unacknowledged: ReceiptDelivery[] = [];
  #isChanged = false;
  /** Whether the last write has been asked for: nothing may be written after it. */
  #isEnding = false;
  #savedAt = performance.now();
  #writing: Promise<void> = Promise.resolve();
  readonly #bell = new Bell();

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Notes that the ledger is no longer as it was written. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Takes receipts that the ledger has, to acknowledge them in due time. */
  keep(delivery: ReceiptDelivery): void {
    this.#unacknowledged.push(delivery);
    this.#isChanged = true;
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
      if (!this.#isChanged && performance.now() - this.#savedAt < RENEW_MS) continue;
      await this.write();
    }
  }

  /** Checkpoints now. @throws LeatError `lease-lost`, or `run-failed` if the ledger does not fit */
  write(): Promise<void> {
    const { lease, ledger } = this.#options;
    return this.#write(() => lease.save(ledger.checkpoint()));
  }

  /** Writes the ledger for the last time: the run has ended. */
  end(state: RunState, reason?: string): Promise<void> {
    const { lease, ledger } = this.#options;
    this.#isEnding = true;
    return this.#write(() => lease.end(ledger.checkpoint(), state, reason));
  }

  /**
   * Ends the run as failed. A ledger that does not fit stays as it was written last: receipts that came
   * since are not acknowledged, and come again to whoever takes the run up.
   */
  async fail(reason: string): Promise<void> {
    try {
      await this.end('failed', reason);
    } catch (error) {
      if (!(error instanceof LeatError && error.code === 'run-failed')) throw error;
      const { lease } = this.#options;
      await this.#write(() => lease.end(lease.progress.ledger, 'failed', reason), []);
    }
  }

  /** Writes the ledger for the last time here: the run goes on elsewhere, or later. */
  giveBack(): Promise<void> {
    const { lease, ledger } = this.#options;
    this.#isEnding = true;
    return this.#write(() => lease.giveBack(ledger.checkpoint()));
  }

  /** @param receipts those that the written ledger has; by default, all that are in the ledger now */
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
    this.#isChanged = false;
    try {
      await write();
    } catch (error) {
      this.#unacknowledged = [...taken, ...this.#unacknowledged];
      throw error;
    }
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
        `The ledger of the run ${lease.run} could not be written before its lease ran out (${messageOf(cause)}): whoever takes it up goes on from the last one that was.`,
        { cause },
      );
    }
    logger.warn({ run: lease.run, retryInMs }, `ledger not written yet: ${messageOf(cause)}`);
    await connection.repair().catch(() => undefined);
  }
}
