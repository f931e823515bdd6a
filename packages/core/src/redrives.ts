import { formatChunkId, type Redriven } from './chunk-id.ts';
import { addCounts, type Counts, NO_COUNTS } from './counts.ts';
import {
  contradicts,
  dividedTwice,
  divisionsCheckpoint,
  type KnownDivisions,
  learn,
} from './division.ts';
import { LeatError } from './errors.ts';
import { leafOutcome, settleLeaf, type SettledPaths } from './lineage.ts';
import type { Receipt } from './receipt.ts';

/** The books of a record as it is sent again, before any stage has worked on it. */
export const REDRIVEN_COUNTS: Counts = { ...NO_COUNTS, in: 1 };

/** What the run's books said of the record before: it came in, and it was given up. */
const TAKEN_BACK: Counts = { ...NO_COUNTS, in: -1, dead: -1 };

/** A redriven record, as a checkpoint keeps it. */
export interface RedriveCheckpoint {
  /** Where its dead letter stands in its stream; 0 if that is not known. */
  readonly letter: number;
  /** Its leaves that have reported, see `SettledPaths`. */
  readonly paths: readonly string[];
  readonly counts: Counts;
  /** How it was divided, see `PartlySettled.divisions`. */
  readonly divisions?: Readonly<Record<string, string>>;
}

/** A redriven record that was sent and is not settled. */
export interface RedriveInFlight {
  /** Its chunk id. */
  readonly record: string;
  readonly letter: number;
  /** When it was last put on its queue, in milliseconds by the caller's clock. */
  readonly sentAt: number;
  /** How often it was sent again. */
  readonly resends: number;
}

interface Entry {
  letter: number;
  readonly paths: SettledPaths;
  readonly divisions: KnownDivisions;
  counts: Counts;
  sentAt: number;
  resends: number;
}

/**
 * The redriven records that are on their way, a bounded number of them. Each goes through three steps, and
 * a crash between any two of them is harmless because the checkpoint in between says how far it had come:
 *
 * 1. it is added here, and after a checkpoint it is sent; so its receipt never comes as a stranger's;
 * 2. its receipts settle it, and after a checkpoint its dead letter is deleted; so nobody redrives it again;
 * 3. it is forgotten. A receipt that comes still, or again, is one of a record that is not here, and
 *    changes nothing. Forgotten before its letter was gone, it could be redriven and counted twice.
 */
export class Redrives {
  readonly #entries = new Map<string, Entry>();

  constructor(checkpoint: Readonly<Record<string, RedriveCheckpoint>> = {}) {
    for (const [record, { letter, paths, counts, divisions = {} }] of Object.entries(checkpoint)) {
      this.#entries.set(record, {
        letter,
        paths: new Set(paths),
        divisions: new Map(Object.entries(divisions)),
        counts,
        sentAt: 0,
        resends: 0,
      });
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether a record was added from this letter and is not forgotten. */
  has(record: string, letter: number): boolean {
    return this.#entries.get(record)?.letter === letter;
  }

  /** Notes a record that is to be sent, and its letter; what is known of it already stays. */
  add(record: string, letter: number): void {
    const entry = this.#entries.get(record);
    if (entry !== undefined) entry.letter = letter;
    else {
      this.#entries.set(record, {
        letter,
        paths: new Set(),
        divisions: new Map(),
        counts: NO_COUNTS,
        // Not sent before JetStream has it: until then nobody may find it lost.
        sentAt: Number.POSITIVE_INFINITY,
        resends: 0,
      });
    }
  }

  /** Notes when a record was put on its queue. */
  sent(record: string, now: number): void {
    const entry = this.#entries.get(record);
    if (entry !== undefined) entry.sentAt = now;
  }

  /** Notes that a record is about to be sent again. @returns how often it was, this time included */
  resend(record: string): number {
    const entry = this.#entries.get(record);
    if (entry === undefined) return 0;
    entry.sentAt = Number.POSITIVE_INFINITY;
    return ++entry.resends;
  }

  /**
   * Takes a receipt of a redriven record.
   *
   * @returns what it adds to the run's books; `undefined` if it changes nothing
   * @throws LeatError `run-failed` if the record's receipts do not add up, or if it was divided in two
   *   different ways; nothing is changed then
   */
  settle({ record, below }: Redriven, receipt: Receipt): Counts | undefined {
    const id = formatChunkId(record);
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    const outcome = leafOutcome(entry.paths, below);
    if (outcome === 'duplicate') return undefined;
    const counts = addCounts(entry.counts, receipt.counts);
    if (outcome === 'overlap' || contradicts(entry.divisions, below, receipt.division)) {
      throw dividedTwice(`The redriven record ${id}`);
    }
    if (outcome === 'whole' && counts.in !== 1) {
      throw new LeatError(
        'run-failed',
        `The receipts of the redriven record ${id} account for ${counts.in} records instead of 1.`,
      );
    }
    settleLeaf(entry.paths, below);
    learn(entry.divisions, below, receipt.division, entry.paths);
    entry.counts = counts;
    return outcome === 'whole' ? addCounts(receipt.counts, TAKEN_BACK) : receipt.counts;
  }

  /** Records in flight whose letter is known: those of which receipts are waited for. */
  *inFlight(): Generator<RedriveInFlight> {
    for (const [record, { letter, sentAt, resends, paths }] of this.#entries) {
      if (letter > 0 && !paths.has('')) yield { record, letter, sentAt, resends };
    }
  }

  /** Records that are settled, by their ids, and where their letters stand. */
  settled(): Map<string, number> {
    const settled = [...this.#entries].filter(([, { paths }]) => paths.has(''));
    return new Map(settled.map(([record, { letter }]) => [record, letter]));
  }

  /** To be called when the letter is gone, or when the record can never be settled. */
  forget(record: string): void {
    this.#entries.delete(record);
  }

  checkpoint(): Record<string, RedriveCheckpoint> {
    return Object.fromEntries(
      [...this.#entries].map(([record, { letter, paths, counts, divisions }]) => [
        record,
        { letter, paths: [...paths], counts, ...divisionsCheckpoint(divisions) },
      ]),
    );
  }
}
