import { type Ledger, LeatError, messageOf, type RunState } from '@leat/core';
import {
  type Logger,
  type PipelineConnection,
  type ReceiptDelivery,
  wait,
} from '@leat/sdk/internal';
import { type Lease, LEASE_MS } from './lease.ts';

/** How often the ledger is checkpointed while something changes. */
const CHECKPOINT_MS = 1_000;
/** With so many messages of receipts waiting, a checkpoint does not: the stream hands out only so many. */
const PRESSING = 256;
/** How often the lease is renewed while nothing does. */
const RENEW_MS = LEASE_MS / 3;

/**
 * Writes the ledger down, and acknowledges receipts only after a checkpoint has them. One write at a
 * time; each says what the ledger holds at its beginning.
 */
export class Checkpointer {
  readonly #ledger: Ledger;
  readonly #lease: Lease;
  readonly #connection: PipelineConnection;
  readonly #logger: Logger;
  /** Receipts that are in the ledger, and whose messages wait for a checkpoint. */
  #unacknowledged: ReceiptDelivery[] = [];
  #isChanged = false;
  /** Whether the last write has been asked for: nothing may be written after it. */
  #isEnding = false;
  #savedAt = performance.now();
  #writing: Promise<void> = Promise.resolve();
  #press: () => void = () => undefined;

  constructor(ledger: Ledger, lease: Lease, connection: PipelineConnection, logger: Logger) {
    this.#ledger = ledger;
    this.#lease = lease;
    this.#connection = connection;
    this.#logger = logger;
  }

  /** Notes that the ledger is no longer as it was written. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Takes receipts that the ledger has, to acknowledge them in due time. */
  keep(delivery: ReceiptDelivery): void {
    this.#unacknowledged.push(delivery);
    this.#isChanged = true;
    if (this.#unacknowledged.length >= PRESSING) this.#press();
  }

  /**
   * Checkpoints now and then, until told to stop.
   *
   * @throws LeatError `lease-lost`
   */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#untilDue(signal);
      if (signal.aborted || this.#isEnding) return;
      if (!this.#isChanged && performance.now() - this.#savedAt < RENEW_MS) continue;
      await this.write();
    }
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    if (this.#unacknowledged.length >= PRESSING) return;
    const pressed = new Promise<void>((resolve) => {
      this.#press = resolve;
    });
    await Promise.race([pressed, wait(CHECKPOINT_MS, signal).catch(() => undefined)]);
  }

  /** Checkpoints now. @throws LeatError `lease-lost` */
  write(): Promise<void> {
    return this.#write(() => this.#lease.save(this.#ledger.checkpoint()));
  }

  /** Writes the ledger for the last time: the run has ended. */
  end(state: RunState, reason?: string): Promise<void> {
    this.#isEnding = true;
    return this.#write(() => this.#lease.end(this.#ledger.checkpoint(), state, reason));
  }

  /** Writes the ledger for the last time here: the run goes on elsewhere, or later. */
  giveBack(): Promise<void> {
    this.#isEnding = true;
    return this.#write(() => this.#lease.giveBack(this.#ledger.checkpoint()));
  }

  #write(write: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(() => this.#persist(write));
    return this.#writing;
  }

  /** Tries until it works: the server may be away. The lease may be lost meanwhile, and that is final. */
  async #persist(write: () => Promise<void>): Promise<void> {
    for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 2_000)) {
      const taken = this.#unacknowledged;
      this.#unacknowledged = [];
      this.#isChanged = false;
      try {
        await write();
        this.#savedAt = performance.now();
        for (const { ack } of taken) ack();
        return;
      } catch (error) {
        this.#unacknowledged = [...taken, ...this.#unacknowledged];
        if (error instanceof LeatError) throw error;
        if (this.#connection.link.isClosed) {
          throw new LeatError('unreachable', 'The connection to NATS was closed.', {
            cause: error,
          });
        }
        const fields = { run: this.#lease.run, retryInMs: delayMs };
        this.#logger.warn(fields, `ledger not written yet: ${messageOf(error)}`);
        await this.#connection.repair().catch(() => undefined);
        await wait(delayMs);
      }
    }
  }
}
