/**
 * The books of a chunk. They balance at every hop:
 * `in + expanded = records in the chunk + filtered + dead`.
 *
 * `in` counts records of the dataset; `expanded` the records that stages added beyond one for one
 * (one-to-many maps, and the copies that a fan-out makes for its second and further readers).
 */
export interface Counts {
  /** Records of the dataset that this chunk accounts for. */
  readonly in: number;
  /** Records added by one-to-many stages and by fan-out. */
  readonly expanded: number;
  /** Records that the user's code left out. */
  readonly filtered: number;
  /** Records given up and kept as dead letters. */
  readonly dead: number;
  /** Failed attempts that were made again. */
  readonly retries: number;
}

export const NO_COUNTS: Counts = { in: 0, expanded: 0, filtered: 0, dead: 0, retries: 0 };

const COUNTS = /^(?:0|[1-9]\d{0,14})(?:\/(?:0|[1-9]\d{0,14})){4}$/;

/** How many records a chunk with these books must hold. */
export function recordsOf(counts: Counts): number {
  return counts.in + counts.expanded - counts.filtered - counts.dead;
}

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    in: a.in + b.in,
    expanded: a.expanded + b.expanded,
    filtered: a.filtered + b.filtered,
    dead: a.dead + b.dead,
    retries: a.retries + b.retries,
  };
}

/**
 * Divides a chunk's books among the pieces it is cut into, so that each piece balances by itself and the
 * pieces add up to the whole. What was filtered, dead or retried stays with the first piece.
 *
 * @param sizes records in each piece; they add up to `recordsOf(counts)`
 */
export function divideCounts(counts: Counts, sizes: readonly number[]): Counts[] {
  let inLeft = counts.in;
  return sizes.map((size, piece) => {
    const { filtered, dead, retries } = piece === 0 ? counts : NO_COUNTS;
    const total = size + filtered + dead;
    const share = Math.min(total, inLeft);
    inLeft -= share;
    return { in: share, expanded: total - share, filtered, dead, retries };
  });
}

/** The books of the copy that a fan-out gives to its second and further readers: nothing but additions. */
export function copiedCounts(counts: Counts): Counts {
  return { ...NO_COUNTS, expanded: recordsOf(counts) };
}

/** `in/expanded/filtered/dead/retries`, as it travels in a header. */
export function formatCounts(counts: Counts): string {
  return `${counts.in}/${counts.expanded}/${counts.filtered}/${counts.dead}/${counts.retries}`;
}

/** The inverse of {@link formatCounts}; `undefined` for anything that it cannot have made. */
export function parseCounts(text: string): Counts | undefined {
  if (!COUNTS.test(text)) return undefined;
  const [inn = 0, expanded = 0, filtered = 0, dead = 0, retries = 0] = text.split('/').map(Number);
  const counts = { in: inn, expanded, filtered, dead, retries };
  return recordsOf(counts) < 0 ? undefined : counts;
}
