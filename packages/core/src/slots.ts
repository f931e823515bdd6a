/** The most chunks that one replica holds, however quick it is. */
export const MAX_SLOTS = 64;

/** How much work a replica likes to have in hand, so that it need not wait for the next pull. */
const LOOKAHEAD_MS = 1_000;

/**
 * How many chunks a replica should hold. One that takes minutes over a chunk holds no more than it works
 * on, so that the others get the rest; one that takes a millisecond holds enough to hide the round trip.
 *
 * @param parallel how many chunks it works on at the same time
 * @param chunkMs how long a chunk took lately; `undefined` before the first
 */
export function wantedSlots(parallel: number, chunkMs: number | undefined): number {
  if (chunkMs === undefined) return parallel;
  const ahead = Math.floor((LOOKAHEAD_MS * parallel) / Math.max(chunkMs, 0.001));
  return Math.min(Math.max(parallel, MAX_SLOTS), parallel + ahead);
}

/** A moving average that forgets half of the past in about five steps. */
export function movingAverage(average: number | undefined, value: number): number {
  return average === undefined ? value : average + (value - average) * 0.13;
}
