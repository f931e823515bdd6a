import { type ChunkId, compareChunkIds, type Range, RangeSet } from '@leat/core';

/** How many positions of the dataset are gone through at once. */
const POSITIONS_AT_ONCE = 5_000;

/** Chunks of one path whose roots follow one another: from one up to, and without, another. */
export interface Stretch {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Which chunks a folder has. Ids of one path are kept as ranges of their roots: a line's chunks are settled
 * nearly in order, so that a million of them take a few kilobytes.
 */
export class CommittedChunks {
  readonly #roots = new Map<string, RangeSet>();

  has({ seq, path }: ChunkId): boolean {
    return this.#roots.get(path)?.has(seq) === true;
  }

  add({ path, from, to }: Stretch): void {
    let roots = this.#roots.get(path);
    if (roots === undefined) this.#roots.set(path, (roots = new RangeSet()));
    for (let seq = from; seq < to; seq++) roots.add(seq);
  }

  /** All of them in dataset order, some thousands at a time; those that come meanwhile may be absent. */
  *inOrder(): Generator<readonly ChunkId[], void> {
    let rest = [...this.#roots].map(([path, roots]) => ({ path, ranges: roots.toRanges(), at: 0 }));
    for (;;) {
      rest = rest.filter(({ ranges, at }) => at < ranges.length);
      if (rest.length === 0) return;
      const from = Math.min(...rest.map(({ ranges, at }) => (ranges[at] as Range)[0]));
      const to = from + POSITIONS_AT_ONCE;
      const ids: ChunkId[] = [];
      for (const one of rest) {
        for (let range = one.ranges[one.at]; range !== undefined && range[0] < to;) {
          const end = Math.min(range[1], to);
          for (let { 0: seq } = range; seq < end; seq++) ids.push({ seq, path: one.path });
          if (end < range[1]) {
            one.ranges[one.at] = [end, range[1]];
            break;
          }
          range = one.ranges[++one.at];
        }
      }
      yield rest.length === 1 ? ids : ids.toSorted(compareChunkIds);
    }
  }
}
