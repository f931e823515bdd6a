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

  /** Removes the range that begins at `n`, and gives its end; `n` itself if none begins there. */
  takeFrom(n: number): number {
    const first = this.#ranges[0];
    if (first === undefined || first[0] !== n) return n;
    this.#ranges.shift();
    return first[1];
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
