/** A half-open range of whole numbers: `[from, to)`. */
export type Range = readonly [from: number, to: number];

/**
 * A set of whole numbers kept as sorted, disjoint, non-touching ranges. Its size follows the number of
 * gaps, which for chunks is at most the number in flight, however many lie between them.
 */
export class RangeSet {
  readonly #ranges: [from: number, to: number][];

  /** @param ranges sorted, disjoint and not touching, as {@link toRanges} gives them */
  constructor(ranges: readonly Range[] = []) {
    this.#ranges = ranges.map(([from, to]) => [from, to]);
  }

  /** How many ranges it takes to say which numbers are in the set. */
  get rangeCount(): number {
    return this.#ranges.length;
  }

  has(n: number): boolean {
    const range = this.#ranges[this.#firstEndingAfter(n)];
    return range !== undefined && range[0] <= n;
  }

  /** Adds a number; `false` if it was there. */
  add(n: number): boolean {
    const at = this.#firstEndingAfter(n);
    const next = this.#ranges[at];
    if (next !== undefined && next[0] <= n) return false;
    const previous = this.#ranges[at - 1];
    const joinsPrevious = previous !== undefined && previous[1] === n;
    const joinsNext = next !== undefined && next[0] === n + 1;
    if (joinsPrevious && joinsNext) {
      previous[1] = next[1];
      this.#ranges.splice(at, 1);
    } else if (joinsPrevious) {
      previous[1] = n + 1;
    } else if (joinsNext) {
      next[0] = n;
    } else {
      this.#ranges.splice(at, 0, [n, n + 1]);
    }
    return true;
  }

  /** The end of the range that `n` is in; `n` itself if it is not in the set. */
  endFrom(n: number): number {
    const range = this.#ranges[this.#firstEndingAfter(n)];
    return range !== undefined && range[0] <= n ? range[1] : n;
  }

  /**
   * Removes what lies below `limit` of the first range, if that begins at `n`.
   *
   * @returns the end of what was removed; `n` itself if nothing was
   */
  takeFrom(n: number, limit: number): number {
    const first = this.#ranges[0];
    if (first === undefined || first[0] !== n || limit <= n) return n;
    const end = Math.min(first[1], limit);
    if (end === first[1]) this.#ranges.shift();
    else first[0] = end;
    return end;
  }

  toRanges(): Range[] {
    return this.#ranges.map(([from, to]) => [from, to] as const);
  }

  #firstEndingAfter(n: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range)[1] > n) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
