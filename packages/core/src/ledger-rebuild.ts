import { parseChunkId } from './chunk-id.ts';
import { Ledger } from './ledger.ts';
import { FIRST_CHECKPOINT, type LedgerCheckpoint } from './ledger-checkpoint.ts';
import type { Receipt } from './receipt.ts';

/**
 * Makes a ledger anew from the receipts that the sinks hold, for a run whose own ledger is lost. What the
 * sinks have is settled; everything else counts as sent and not settled, up to the last chunk of which
 * they know, so it is recalled from the source, looked for on the queues, and sent again.
 *
 * What cannot be known again is done again: chunks of which nothing was left to save (they never reached a
 * sink), and where the source can be read (it is read from its beginning).
 */
export class LedgerRebuild {
  readonly #ledger = new Ledger({ ...FIRST_CHECKPOINT, next: Number.MAX_SAFE_INTEGER });
  #next = 0;

  /** @throws LeatError `run-failed` if a root was divided in two different ways */
  add(receipt: Receipt): void {
    const id = parseChunkId(receipt.chunk);
    if (id === undefined) return;
    this.#ledger.settle(receipt);
    this.#next = Math.max(this.#next, id.seq + 1);
  }

  /** The checkpoint to go on from; that of a run which has not begun, if there were no receipts. */
  checkpoint(): LedgerCheckpoint {
    return { ...this.#ledger.checkpoint(), next: this.#next, fraction: null };
  }
}
