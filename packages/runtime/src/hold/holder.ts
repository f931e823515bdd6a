import { Worker } from 'node:worker_threads';
import type { Logger } from '@leat/sdk';
import {
  type HolderData,
  PULSE_MS,
  PULSE_OFFSET,
  SLOT_BYTES,
  SLOT_COUNT,
  SUBJECT_OFFSET,
  TABLE_BYTES,
} from './hold-table.ts';
import type { NatsSettings } from '../jetstream/settings.ts';

/** When a thread that has ended is started again. */
const RESTART_MS = 1_000;

/**
 * Keeps the messages that a process has in hand from being given to another, by telling JetStream that
 * work goes on, from a thread that the user's code cannot block.
 *
 * The thread has a connection of its own. What is in hand stands in a table of shared memory, one slot a
 * message, so that holding and releasing cost no more than copying the message's reply subject.
 *
 * The thread also notices when the main thread is blocked. It says so when that takes long, and ends the
 * process when it takes longer than a message in hand allows: nobody else could.
 */
export class Holder {
  readonly #table = new SharedArrayBuffer(TABLE_BYTES);
  readonly #states = new Int32Array(this.#table);
  readonly #bytes = new Uint8Array(this.#table);
  readonly #encoder = new TextEncoder();
  readonly #free: number[] = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
  readonly #data: HolderData;
  readonly #logger: Logger;
  readonly #pulse: NodeJS.Timeout;
  #thread: Worker | undefined;
  #isReady: () => void = () => undefined;
  /** When its thread has connected: what is pulled before might come back before the first sign of life. */
  readonly ready: Promise<void> = new Promise((resolve) => {
    this.#isReady = resolve;
  });
  #generation = 0;
  #isClosed = false;

  /** @param beatMs how often to give a sign of life: a third of the acknowledgement window */
  constructor(settings: NatsSettings, beatMs: number, logger: Logger) {
    this.#data = { settings, beatMs, table: this.#table };
    this.#logger = logger;
    this.#pulse = setInterval(() => {
      Atomics.add(this.#states, PULSE_OFFSET / Int32Array.BYTES_PER_ELEMENT, 1);
    }, PULSE_MS);
    this.#pulse.unref();
    this.#start();
  }

  /**
   * Holds a message until the returned function is called.
   *
   * @param reply the message's reply subject
   * @param blockLimitMs how long the main thread may be blocked meanwhile; 0 is without limit
   */
  hold(reply: string, blockLimitMs = 0): () => void {
    const slot = this.#free.pop();
    if (slot === undefined) throw new RangeError(`more than ${SLOT_COUNT} messages in hand`);
    const start = slot * SLOT_BYTES;
    const state = start / Int32Array.BYTES_PER_ELEMENT;
    const room = this.#bytes.subarray(start + SUBJECT_OFFSET, start + SLOT_BYTES);
    const { written } = this.#encoder.encodeInto(reply, room);
    this.#states[state + 1] = written;
    this.#states[state + 2] = blockLimitMs;
    // The thread reads a slot only between two looks at the same generation: see hold-thread.ts.
    this.#generation = (this.#generation % 0x7fff_fffe) + 1;
    Atomics.store(this.#states, state, this.#generation);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      Atomics.store(this.#states, state, 0);
      this.#free.push(slot);
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#pulse);
    this.#isReady();
    await this.#thread?.terminate();
  }

  #start(): void {
    const thread = new Worker(new URL('./hold-thread.js', import.meta.url), {
      workerData: this.#data,
      name: 'leat-holder',
      // The thread must start whatever flags the process was started with.
      execArgv: [],
    });
    thread.on('message', () => this.#isReady());
    thread.unref();
    thread.on('error', (error) => this.#logger.error({ err: error }, 'holder thread failed'));
    thread.on('exit', () => {
      if (this.#isClosed) return;
      this.#startAgain();
    });
    this.#thread = thread;
  }

  #startAgain(): void {
    const restart = setTimeout(() => {
      if (this.#isClosed) return;
      try {
        this.#start();
      } catch (error) {
        this.#logger.error({ err: error }, 'holder thread not started');
        this.#startAgain();
      }
    }, RESTART_MS);
    restart.unref();
  }
}
