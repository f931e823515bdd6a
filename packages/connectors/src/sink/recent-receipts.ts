import type { Receipt } from '@leat/core';

/** More than a saver has in flight, so that a redelivered chunk is nearly always among them. */
const CAPACITY = 10_000;

/** The receipts that a session committed or met last, so that most duplicates cost no reading. */
export class RecentReceipts {
  readonly #receipts = new Map<string, Receipt>();

  get(chunk: string): Receipt | undefined {
    return this.#receipts.get(chunk);
  }

  add(receipt: Receipt): void {
    this.#receipts.set(receipt.chunk, receipt);
    if (this.#receipts.size <= CAPACITY) return;
    for (const oldest of this.#receipts.keys()) {
      this.#receipts.delete(oldest);
      return;
    }
  }
}
