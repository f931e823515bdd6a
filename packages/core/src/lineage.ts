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

/**
 * What a leaf's report changes: nothing, a part of the root, or it settles the root. `overlap` is a leaf
 * that would settle the root while parts of it are settled that belong to another division of the same
 * chunk: something was divided in two different ways, and records may have been saved twice.
 */
export type LeafOutcome = 'duplicate' | 'part' | 'whole' | 'overlap';

/** What {@link settleLeaf} would answer; changes nothing. */
export function leafOutcome(settled: SettledPaths, path: string): LeafOutcome {
  for (let ancestor = path; ; ancestor = parentOf(ancestor)) {
    if (settled.has(ancestor)) return 'duplicate';
    if (ancestor === '') break;
  }
  let used = 0;
  for (let node = path; node !== ''; node = parentOf(node)) {
    const siblings = settledSiblings(settled, node);
    if (siblings === undefined) return 'part';
    used += siblings.length;
  }
  return settled.size === used ? 'whole' : 'overlap';
}

/** Adds a leaf to the settled paths of its root; a leaf that is a duplicate or overlaps adds nothing. */
export function settleLeaf(settled: SettledPaths, path: string): LeafOutcome {
  const outcome = leafOutcome(settled, path);
  if (outcome === 'duplicate' || outcome === 'overlap') return outcome;
  let node = path;
  while (node !== '') {
    const siblings = settledSiblings(settled, node);
    if (siblings === undefined) break;
    for (const sibling of siblings) settled.delete(sibling);
    node = parentOf(node);
  }
  settled.add(node);
  return outcome;
}

/** The other siblings of a node, if all of them are settled. */
function settledSiblings(settled: SettledPaths, node: string): string[] | undefined {
  const parent = parentOf(node);
  const { place, siblings } = parseStep(node.slice(parent.length + 1));
  if (settled.size < siblings - 1) return undefined;
  const others: string[] = [];
  for (let other = 0; other < siblings; other++) {
    if (other === place) continue;
    const path = `${parent}.${other}-${siblings}`;
    if (!settled.has(path)) return undefined;
    others.push(path);
  }
  return others;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('.'));
}
