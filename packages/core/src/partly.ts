import { type Counts, NO_COUNTS } from './counts.ts';
import { divisionsCheckpoint, type KnownDivisions } from './division.ts';
import type { PartlySettled } from './ledger-checkpoint.ts';
import type { SettledPaths } from './lineage.ts';
import type { Receipt } from './receipt.ts';

/** A root of which some leaves have reported, as a ledger works on it. */
export interface PartlyInHand {
  readonly paths: SettledPaths;
  counts: Counts;
  readonly source?: string;
  readonly divisions: KnownDivisions;
}

/** A root of which this is the first leaf that reports. */
export function partlyOf({ source }: Receipt): PartlyInHand {
  return {
    paths: new Set(),
    counts: NO_COUNTS,
    divisions: new Map(),
    ...(source !== undefined && { source }),
  };
}

/** Roots by their positions, as a checkpoint had them. */
export function partlyFrom(
  checkpoint: Readonly<Record<string, PartlySettled>>,
): Map<number, PartlyInHand> {
  const entries = Object.entries(checkpoint);
  return new Map(
    entries.map(([seq, { paths, divisions = {}, ...rest }]) => [
      Number(seq),
      { ...rest, paths: new Set(paths), divisions: new Map(Object.entries(divisions)) },
    ]),
  );
}

/** Roots by their positions, as a checkpoint has them. */
export function partlyCheckpoint(
  partly: ReadonlyMap<number, PartlyInHand>,
): Record<string, PartlySettled> {
  return Object.fromEntries(
    [...partly].map(([seq, { paths, divisions, ...rest }]) => [
      seq,
      { ...rest, paths: [...paths], ...divisionsCheckpoint(divisions) },
    ]),
  );
}
