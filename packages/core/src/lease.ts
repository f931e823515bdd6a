/** How long a fetcher may be silent before another takes its run over. */
export const LEASE_MS = 10_000; // 10 s

/** What a fetcher knows of a run's lease. Times are its own clock's, so that clocks need not agree. */
export interface LeaseView {
  /** Who holds it, or `undefined` when it was given back or never taken. */
  readonly holder: string | undefined;
  /** When the present revision of the run's progress was first seen, in milliseconds. */
  readonly seenAt: number;
  /** Whether the holder is known to be dead, other than by its silence. */
  readonly isHolderDead: boolean;
}

/**
 * The fence of a new claim: above the last one, above what the sinks are known to have, and not below the time. So
 * it rises also where the broker has forgotten the run, or remembers an earlier state of it.
 *
 * @param before fences that are known; none for a run that nobody has begun
 */
export function nextFence(now: number, ...before: readonly number[]): number {
  return Math.max(now, ...before.map((fence) => fence + 1));
}

/**
 * Whether a run may be taken over: nobody holds it, its holder is known to be dead, or its holder has
 * written nothing for the length of the lease. A wrong guess is harmless: progress is written with
 * compare-and-set, so of two fetchers that both believe they are active, one finds out.
 */
export function mayTakeOver(view: LeaseView, now: number, leaseMs: number): boolean {
  return view.holder === undefined || view.isHolderDead || now - view.seenAt >= leaseMs;
}
