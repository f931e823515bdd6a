import { mostInFlight, nextWindow, type WindowLook, type WindowRules } from '@leat/core';
import { type Logger, lookAtQueues, type PipelineConnection, wait } from '@leat/runtime';
import type { ReceiptIntake } from './receipt-intake.ts';
import type { RunBooks } from './run-books.ts';

/** How soon it is looked again after the window has grown, and at the latest. */
const MIN_LOOK_MS = 100;
const MAX_LOOK_MS = 1_000;
/** What is less than this passes. */
const GROWN = 1.25;

export interface WindowOptions {
  readonly connection: PipelineConnection;
  readonly books: RunBooks;
  readonly receipts: Pick<ReceiptIntake, 'lastAt'>;
  /** The most chunks in flight that the pipeline wants. */
  readonly limit: number;
  readonly rules: WindowRules;
  /** Told how many chunks may be in flight from now on. */
  readonly onChange: (size: number) => void;
  readonly logger: Logger;
}

/**
 * How many chunks may be in flight: as many as the replicas can hold that are there, and a reserve. While
 * chunks are held back, it is looked up to ten times a second where those in flight are; a window that keeps its
 * size costs a look a second. `nextWindow` decides.
 */
export class Window {
  readonly #options: WindowOptions;
  #size: number;
  /** Whether a chunk was held back since the last look. */
  #wasFull = false;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#size = Math.min(options.limit, options.rules.first);
    options.onChange(this.#size);
  }

  /** Whether one more chunk may be sent. Bounded as well by what the ledger can hold, and by a queue's bytes. */
  hasRoom(): boolean {
    const { connection, books } = this.#options;
    const hasRoom =
      books.inFlightCount < Math.min(this.#size, mostInFlight(connection.maxPayload, books.next)) &&
      books.inFlightBytes < connection.topology.settings.maxBytes;
    this.#wasFull ||= !hasRoom;
    return hasRoom;
  }

  /** Looks whether its size is right, until the signal. */
  async watch(signal: AbortSignal): Promise<void> {
    let pauseMs = MIN_LOOK_MS;
    while (!signal.aborted) {
      await wait(pauseMs, signal).catch(() => undefined);
      const before = this.#size;
      if (this.#wasFull && !signal.aborted) await this.#look();
      const hasGrown = this.#size > GROWN * before;
      pauseMs = hasGrown ? MIN_LOOK_MS : Math.min(2 * pauseMs, MAX_LOOK_MS);
    }
  }

  async #look(): Promise<void> {
    const { books, limit, rules, onChange, logger } = this.#options;
    this.#wasFull = false;
    try {
      this.#size = nextWindow(this.#size, await this.#seen(), limit, rules);
      onChange(this.#size);
    } catch (error) {
      // The server is away, or a queue is: what is in flight then stays as it is.
      logger.debug({ err: error, run: books.run }, 'queues not seen');
    }
  }

  async #seen(): Promise<WindowLook> {
    const { connection, books, receipts } = this.#options;
    const { stages } = connection.spec;
    // Before the queues: what is sent meanwhile is at most counted as waiting, never as in somebody's hand.
    const inFlight = books.inFlightCount;
    let waiting = 0;
    let saving = 0;
    for (const queue of await lookAtQueues(connection, books.run)) {
      waiting += queue.waiting;
      const isSaver = stages.some(({ name, kind }) => name === queue.stage && kind === 'saver');
      if (isSaver) saving += queue.messages - queue.waiting;
    }
    const quietMs = performance.now() - receipts.lastAt;
    return { inFlight, waiting, saving, quietMs };
  }
}
