import { type Counts, NO_COUNTS } from './counts.ts';
import type { PartlySettled } from './ledger-checkpoint.ts';
import type { SettledPaths } from './lineage.ts';
import type { Receipt } from './receipt.ts';

/** A root of which some leaves have reported, as a ledger works on it. */
export interface PartlyInHand {
  readonly paths: SettledPaths;
  counts: Counts;
  readonly source?: string;
}

/** A root of which this is the first leaf that reports. */
export function partlyOf({ source }: Receipt): PartlyInHand {
  return { paths: new Set(), counts: NO_COUNTS, ...(source !== undefined && { source }) };
}

/** Roots by their positions, as a checkpoint had them. */
export function partlyFrom(
  checkpoint: Readonly<Record<string, PartlySettled>>,
): Map<number, PartlyInHand> {
  const entries = Object.entries(checkpoint);
  return new Map(
    entries.map(([seq, { paths, ...rest }]) => [Number(seq), { paths: new Set(paths), ...rest }]),
  );
}

/** Roots by their positions, as a checkpoint has them. */
export function partlyCheckpoint(
  partly: ReadonlyMap<number, PartlyInHand>,
): Record<string, PartlySettled> {
  return Object.fromEntries(
    [...partly].map(([seq, { paths, ...rest }]) => [seq, { paths: [...paths], ...rest }]),
  );
}
