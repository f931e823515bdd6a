import { formatChunkId, parseChunkId, redrivenOf } from './chunk-id.ts';
import { addCounts, NO_COUNTS } from './counts.ts';
import { Ledger } from './ledger.ts';
import { FIRST_CHECKPOINT, type LedgerCheckpoint } from './ledger-checkpoint.ts';
import { RangeSet } from './range-set.ts';
import type { Receipt } from './receipt.ts';

/**
 * Makes a ledger anew from the receipts that the sinks hold, for a run whose own ledger is lost. What the
 * sinks have is settled; everything else counts as sent and not settled, up to the last chunk of which
 * they know, so it is recalled from the source, looked for on the queues, and sent again.
 *
 * What cannot be known again is done again: chunks of which nothing was left to save (they never reached a
 * sink), and where the source can be read (it is read from its beginning).
 *
 * A chunk of which sinks hold redriven records was settled when these were tried again. It is not done again,
 * for some of its records would be saved twice; what the books said of its other records is lost, unless
 * the sinks hold the rest of the chunk.
 */
export class LedgerRebuild {
  readonly #ledger = new Ledger({
    ...FIRST_CHECKPOINT,
    next: Number.MAX_SAFE_INTEGER,
    source: { sum: 0, isOfSettled: true },
  });
  #next = 0;
  /** The receipts of redriven records, and the roots to which these belong. */
  readonly #redriven: {
    readonly record: string;
    readonly seq: number;
    readonly receipt: Receipt;
  }[] = [];

  /** @throws LeatError `run-failed` if a root was divided in two different ways */
  add(receipt: Receipt): void {
    const id = parseChunkId(receipt.chunk);
    if (id === undefined) return;
    const redriven = redrivenOf(id);
    if (redriven === undefined) this.#ledger.settle(receipt);
    else this.#redriven.push({ record: formatChunkId(redriven.record), seq: id.seq, receipt });
    this.#next = Math.max(this.#next, id.seq + 1);
  }

  /** The checkpoint to go on from; that of a run which has not begun, if there were no receipts. */
  checkpoint(): LedgerCheckpoint {
    if (this.#next === 0) return FIRST_CHECKPOINT;
    const { source, ...ledger } = this.#ledger.checkpoint();
    const known = { ...ledger, next: this.#next, fraction: null };
    // Of chunks that were settled and left nothing, no checksum is known.
    if (this.#redriven.length > 0) return this.#withRedriven(known);
    return { ...known, ...(source !== undefined && { source }) };
  }

  #withRedriven(known: LedgerCheckpoint): LedgerCheckpoint {
    const { totals } = known;
    const roots = new Set(this.#redriven.map(({ seq }) => seq));
    const partly = { ...known.partly };
    const isKnown = (seq: number): boolean => this.#ledger.isSettled(seq) || seq in known.partly;
    // Where nothing was left of a chunk, the books do not have the dead that are to be taken back.
    const unknown = new Set(
      this.#redriven.filter(({ seq }) => !isKnown(seq)).map(({ record }) => record),
    ).size;
    const settled = new RangeSet(known.settledAbove);
    let newlySettled = 0;
    for (const seq of roots) {
      if (settled.add(seq)) newlySettled++;
      Reflect.deleteProperty(partly, seq);
    }
    const ledger = new Ledger({
      ...known,
      settledAbove: settled.toRanges(),
      partly,
      totals: {
        ...totals,
        savedChunks: totals.savedChunks + totals.deadChunks + newlySettled,
        deadChunks: 0,
        counts: addCounts(totals.counts, { ...NO_COUNTS, in: unknown, dead: unknown }),
      },
    });
    for (const { record } of this.#redriven) ledger.redrives.add(record, 0);
    for (const { receipt } of this.#redriven) ledger.settle(receipt);
    for (const record of ledger.redrives.settled().keys()) ledger.redrives.forget(record);
    return ledger.checkpoint();
  }
}
