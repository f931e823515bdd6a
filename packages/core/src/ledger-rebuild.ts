import { formatChunkId, parseChunkId, redrivenOf } from './chunk-id.ts';
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
 *
 * Where sinks hold redriven records, every chunk that they know of was settled when that began, also those
 * of which nothing is there: they are not done again, for some of their records have been saved since. What
 * the books said of the others is lost.
 */
export class LedgerRebuild {
  readonly #ledger = new Ledger({ ...FIRST_CHECKPOINT, next: Number.MAX_SAFE_INTEGER });
  #next = 0;
  /** Taken last: their books take back what those of the chunks say. */
  readonly #redriven: Receipt[] = [];

  /** @throws LeatError `run-failed` if a root was divided in two different ways */
  add(receipt: Receipt): void {
    const id = parseChunkId(receipt.chunk);
    if (id === undefined) return;
    const redriven = redrivenOf(id);
    if (redriven === undefined) this.#ledger.settle(receipt);
    else {
      this.#redriven.push(receipt);
      this.#ledger.redrives.add(formatChunkId(redriven.record), 0);
    }
    this.#next = Math.max(this.#next, id.seq + 1);
  }

  /** The checkpoint to go on from; that of a run which has not begun, if there were no receipts. */
  checkpoint(): LedgerCheckpoint {
    const { redrives } = this.#ledger;
    for (const receipt of this.#redriven) this.#ledger.settle(receipt);
    for (const record of redrives.settled().keys()) redrives.forget(record);
    const known = { ...this.#ledger.checkpoint(), next: this.#next, fraction: null };
    return this.#redriven.length > 0 ? withAllSettled(known) : known;
  }
}

function withAllSettled(known: LedgerCheckpoint): LedgerCheckpoint {
  const { next, totals } = known;
  return {
    ...known,
    settledAbove: [[0, next]],
    partly: {},
    totals: { ...totals, savedChunks: next, deadChunks: 0 },
  };
}
