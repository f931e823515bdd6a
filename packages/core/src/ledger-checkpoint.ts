import { type Counts, NO_COUNTS } from './counts.ts';
import { EMPTY_DIGEST } from './digest.ts';
import type { JsonValue } from './json.ts';
import type { Range } from './range-set.ts';
import type { RedriveCheckpoint } from './redrives.ts';
import type { SourceCheckpoint } from './source-check.ts';

/** What a run has done so far: chunks settled for good, and the books of every leaf that reported. */
export interface Totals {
  /** Root chunks of which at least one record was saved or filtered. */
  readonly savedChunks: number;
  /** Root chunks of which every record went to the dead letters. */
  readonly deadChunks: number;
  readonly counts: Counts;
  /** Receipts for what was settled already. */
  readonly duplicates: number;
}

/** A root of which some leaves have reported. */
export interface PartlySettled {
  readonly paths: readonly string[];
  readonly counts: Counts;
  /** What the chunk looked like when the first of them was sent, see `Receipt.source`. */
  readonly source?: string;
  /** How it was divided, as far as its leaves have told: see `KnownDivisions`. Absent if none has. */
  readonly divisions?: Readonly<Record<string, string>>;
}

/**
 * Everything that a successor needs in order to go on: see `Ledger`. Plain JSON, and small: it
 * grows with the gaps among the chunks in flight, not with the dataset.
 */
export interface LedgerCheckpoint {
  /** Every chunk below this position is settled. */
  readonly watermark: number;
  /** Where the source goes on to read the chunk at the watermark. */
  readonly cursor: JsonValue;
  /** The position of the first chunk that was never sent. */
  readonly next: number;
  /** Whether `next` is the end of the dataset. */
  readonly ended: boolean;
  /** Share of the dataset that is settled, from 0 to 1, if the source can tell. */
  readonly fraction: number | null;
  readonly settledAbove: readonly Range[];
  readonly partly: Readonly<Record<string, PartlySettled>>;
  /** Redriven records on their way, by chunk id; absent if there are none. */
  readonly redrives?: Readonly<Record<string, RedriveCheckpoint>>;
  /** Absent in the ledger of an earlier version, and where it is not known. */
  readonly source?: SourceCheckpoint;
  readonly totals: Totals;
  readonly digest: string;
}

/** The checkpoint of a run that has not begun. */
export const FIRST_CHECKPOINT: LedgerCheckpoint = {
  watermark: 0,
  cursor: null,
  next: 0,
  ended: false,
  fraction: null,
  settledAbove: [],
  partly: {},
  source: { sum: 0 },
  totals: { savedChunks: 0, deadChunks: 0, counts: NO_COUNTS, duplicates: 0 },
  digest: EMPTY_DIGEST,
};

/** The share of a message that gaps among settled chunks may take; the rest is for all else. */
const GAPS_SHARE = 0.75;

/**
 * How many chunks may be in flight so that the checkpoint fits into a message, in whichever order they are
 * settled: each of them may be a gap of its own, before a range of settled ones.
 *
 * @param maxBytes the largest message
 * @param next the position of the next chunk: its digits stand twice in each range
 */
export function mostInFlight(maxBytes: number, next: number): number {
  const rangeBytes = 2 * `${next}`.length + '[,],'.length;
  return Math.max(1, Math.floor((maxBytes * GAPS_SHARE) / rangeBytes));
}
