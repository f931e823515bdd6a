import type { Receipt } from '@leat/core';

/** How many are remembered at least: more than a saver has in flight, so that a redelivered chunk is nearly always among them. */
const CAPACITY = 10_000;

/**
 * The receipts that a session committed or met last, so that most duplicates cost no reading.
 *
 * They are kept in two generations, and the older one is dropped as a whole: to find the oldest entry of a map
 * costs more with each that was removed before it.
 */
export class RecentReceipts {
  #young = new Map<string, Receipt>();
  #old = new Map<string, Receipt>();

  get(chunk: string): Receipt | undefined {
    return this.#young.get(chunk) ?? this.#old.get(chunk);
  }

  add(receipt: Receipt): void {
    this.#young.set(receipt.chunk, receipt);
    if (this.#young.size < CAPACITY) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
