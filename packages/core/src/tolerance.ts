import type { Counts } from './counts.ts';

/** How many records of a run may die: a number of records, or a percentage of those that are settled. */
export type DeadTolerance = number | `${number}%`;

/** Records that have come to their end, whichever it is, and how many of them are dead. */
export interface DeathToll {
  readonly settled: number;
  readonly dead: number;
}

/** With fewer settled records than this, a percentage of them tells nothing. */
const TELLING_RECORDS = 1_000;

const PERCENTAGE = /^(\d{1,3}(?:\.\d{1,3})?)%$/;

/** Whether it is a whole number from 0, or a percentage from 0% to 100% with at most three decimals. */
export function isDeadTolerance(value: unknown): value is DeadTolerance {
  if (typeof value === 'string') return thousandthsOf(value) <= 100_000;
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The death toll in the books of a run. */
export function deathTollOf(counts: Counts): DeathToll {
  return { settled: counts.in + counts.expanded, dead: counts.dead };
}

/**
 * Why a run has to pause, as a sentence, or `undefined` when no more records are dead than tolerated.
 *
 * @param tolerated the toll when the run was last resumed: what was dead by then has been seen
 */
export function whyTooManyDead(
  run: string,
  tolerance: DeadTolerance,
  toll: DeathToll,
  tolerated: DeathToll = { settled: 0, dead: 0 },
): string | undefined {
  const dead = toll.dead - tolerated.dead;
  const settled = toll.settled - tolerated.settled;
  const isPercentage = typeof tolerance === 'string';
  const isTooMany = isPercentage
    ? settled >= TELLING_RECORDS && dead * 100_000 > thousandthsOf(tolerance) * settled
    : dead > tolerance;
  if (!isTooMany) return undefined;
  const further = tolerated.settled > 0 ? ' further' : '';
  const who = isPercentage
    ? `${n(dead)} of ${n(settled)}${further} records are`
    : `${n(dead)}${further} ${dead === 1 ? 'record is' : 'records are'}`;
  const limit = isPercentage ? tolerance : n(tolerance);
  return `${who} dead, more than the ${limit} that maxDeadRecords tolerates; see "leat dead list ${run}", then "leat resume ${run}"`;
}

/** Where a burst is looked out for: from a toll on, and why the run has to pause, if there was one. */
export interface BurstLook {
  readonly since: DeathToll;
  readonly reason?: string;
}

/**
 * Looks whether most of the records that were settled lately are dead: what all of them need is away then, more
 * likely than that each of them is bad. Where a pipeline says nothing of what it tolerates, its run pauses for it.
 *
 * @param since the toll when the last look at 1,000 records or more was over
 */
export function lookForBurst(run: string, since: DeathToll, toll: DeathToll): BurstLook {
  const dead = toll.dead - since.dead;
  const settled = toll.settled - since.settled;
  if (settled < TELLING_RECORDS) return { since };
  if (dead * 2 <= settled) return { since: toll };
  return {
    since: toll,
    reason: `${n(dead)} of the last ${n(settled)} records are dead, so that what all of them need may be away; see "leat dead groups ${run}", then "leat resume ${run}". A pipeline with maxDeadRecords says how many it tolerates`,
  };
}

/** A percentage in thousandths, which are whole numbers; `NaN` if it is none. */
function thousandthsOf(percentage: string): number {
  return Math.round(Number(PERCENTAGE.exec(percentage)?.[1]) * 1_000);
}

function n(count: number): string {
  return count.toLocaleString('en');
}
