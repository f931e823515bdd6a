import { parseStep } from './chunk-id.ts';

/**
 * Which parts of one root chunk are settled, as the fewest whole subtrees (paths as in `ChunkId.path`).
 *
 * This is Mattern's weighted termination detection (F. Mattern, "Global quiescence detection based on
 * credit distribution and recovery", 1989) with sets in place of numbers: each division of a chunk gives
 * every sibling an equal share of its parent, and a parent is settled when all shares have come back.
 * Sets make it idempotent (a leaf that reports twice counts once) and exact at any depth, and the ledger
 * needs no knowledge of the graph.
 */
export type SettledPaths = Set<string>;

/** What a leaf's report changed: nothing, a part of the root, or it settled the root. */
export type LeafOutcome = 'duplicate' | 'part' | 'whole';

/** Adds a leaf to the settled paths of its root. */
export function settleLeaf(settled: SettledPaths, path: string): LeafOutcome {
  for (let ancestor = path; ; ancestor = parentOf(ancestor)) {
    if (settled.has(ancestor)) return 'duplicate';
    if (ancestor === '') break;
  }
  settled.add(path);
  let node = path;
  while (node !== '') {
    const parent = parentOf(node);
    const { siblings } = parseStep(node.slice(parent.length + 1));
    if (settled.size < siblings) return 'part';
    for (let place = 0; place < siblings; place++) {
      if (!settled.has(`${parent}.${place}-${siblings}`)) return 'part';
    }
    for (let place = 0; place < siblings; place++) settled.delete(`${parent}.${place}-${siblings}`);
    settled.add(parent);
    node = parent;
  }
  return 'whole';
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('.'));
}
