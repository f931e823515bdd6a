/** What a fetcher sees of its run when it looks whether its window is right. */
export interface WindowLook {
  /** Chunks that were sent and are not settled. */
  readonly inFlight: number;
  /** Those of them that lie in front of stages, in nobody's hand. */
  readonly waiting: number;
  /** Those of them that savers have in hand. */
  readonly saving: number;
  /** How long ago a receipt came last, in milliseconds. */
  readonly quietMs: number;
}

/** How a window begins, and how much it leaves in front of replicas at the least. */
export interface WindowRules {
  readonly first: number;
  readonly reserve: number;
}

export const WINDOW_RULES: WindowRules = { first: 128, reserve: 16 };

/** By how much of what it is too large a window shrinks at a look: a moment in which little is in hand passes. */
const SHRINK = 8;

/**
 * How long savers may be silent until it counts as waiting what they have in hand. A sink that is away makes
 * them park what they are given, ever more of it, and that is no sign that they can hold more.
 */
const SILENT_MS = 5_000;

/**
 * How many chunks may be in flight from now on: twice as many as are not waiting anywhere, and a few more.
 *
 * What waits in front of some stage is a reserve already, and more of it would only lie there; so with a slow
 * saver behind quick mappers the window fits the savers, though mappers ask in vain. What waits nowhere is in
 * the hands of replicas, or on its way; while that is all of the window, the window doubles at each look. It
 * comes to rest when as many chunks wait as are in hand: each replica finds the next one when it has done one,
 * and twice as many replicas find work at once.
 *
 * @param size how many may be in flight now
 * @param limit the most; at least 1
 */
export function nextWindow(
  size: number,
  { inFlight, waiting, saving, quietMs }: WindowLook,
  limit: number,
  { reserve }: WindowRules,
): number {
  const idle = waiting + (quietMs > SILENT_MS ? saving : 0);
  const wanted = Math.min(limit, 2 * Math.max(0, inFlight - idle) + reserve);
  return wanted >= size ? wanted : size - Math.ceil((size - wanted) / SHRINK);
}
