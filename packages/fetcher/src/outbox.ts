import type { Ledger } from '@leat/core';
import type { SourceChunk } from '@leat/sdk';
import { wait } from '@leat/runtime';
import { countsOf, type SenderOptions, sendSourceChunk, type Sending } from './send.ts';

/** Publishes on their way to JetStream; beyond a few hundred nothing is gained. */
const MAX_PUBLISHES = 128;
/** How long a stop waits for them. */
const STOP_PUBLISHING_MS = 1_000;

/** The chunks on their way to JetStream, a bounded number at a time. */
export class Outbox {
  readonly #sender: SenderOptions;
  readonly #ledger: Ledger;
  readonly #onStored: () => void;
  readonly #onFailed: (error: unknown) => void;
  readonly #publishing = new Set<Promise<void>>();

  /**
   * @param onStored told after each chunk that JetStream has, and the ledger knows of
   * @param onFailed told if one can never be stored
   */
  constructor(
    sender: SenderOptions,
    ledger: Ledger,
    onStored: () => void,
    onFailed: (error: unknown) => void,
  ) {
    this.#sender = sender;
    this.#ledger = ledger;
    this.#onStored = onStored;
    this.#onFailed = onFailed;
  }

  get isFull(): boolean {
    return this.#publishing.size >= MAX_PUBLISHES;
  }

  /** Sends a chunk; to be called when there is room. */
  send(sending: Sending): void {
    const { seq, chunk } = sending;
    // Not sent before JetStream has it: until then nobody may find it lost.
    this.#ledger.sent(seq, Number.POSITIVE_INFINITY);
    const sent = sendSourceChunk(this.#sender, sending).then(
      () => this.#stored(seq, chunk),
      this.#onFailed,
    );
    this.#publishing.add(sent);
    void sent.finally(() => {
      this.#publishing.delete(sent);
      this.#onStored();
    });
  }

  async untilRoom(): Promise<void> {
    while (this.isFull) await Promise.race(this.#publishing);
  }

  /** Lets chunks arrive that are on their way; what a full queue holds up at a stop is found lost later. */
  async untilEmpty(stop: AbortSignal): Promise<void> {
    const all = Promise.all(this.#publishing);
    await (stop.aborted ? Promise.race([all, wait(STOP_PUBLISHING_MS)]) : all);
  }

  #stored(seq: number, chunk: SourceChunk): void {
    this.#ledger.sent(seq, performance.now());
    // Of a chunk that is all dead letters nobody else will hear.
    if (chunk.records === 0) {
      const counts = countsOf(chunk);
      this.#ledger.settle({ chunk: `${seq}`, counts, digest: '', fence: 0, buried: [] });
    }
  }
}
