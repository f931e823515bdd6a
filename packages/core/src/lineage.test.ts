import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { childId, type ChunkId, formatChunkId } from './chunk-id.ts';
import { leafOutcome, settleLeaf } from './lineage.ts';

/** What a chunk becomes: itself (no children), or several chunks, each of which goes on. */
type Division = readonly Division[];

const { division } = fc.letrec<{ division: Division }>((tie) => ({
  // One child stands for a stage that does not divide, and must leave no trace in the ids.
  division: fc.oneof(
    { maxDepth: 4 },
    fc.constant<Division>([]),
    fc.array(tie('division'), { minLength: 1, maxLength: 4 }),
  ),
}));

function leavesOf(id: ChunkId, divided: Division): ChunkId[] {
  if (divided.length === 0) return [id];
  return divided.flatMap((child, place) => leavesOf(childId(id, place, divided.length), child));
}

const ROOT: ChunkId = { seq: 7, path: '' };

describe('settleLeaf', () => {
  test('settles the root with its last distinct leaf and never before', () => {
    fc.assert(
      fc.property(division, fc.infiniteStream(fc.nat()), (divided, random) => {
        const leaves = leavesOf(ROOT, divided);
        expect(new Set(leaves.map(formatChunkId)).size).toBe(leaves.length);
        const waiting = [...leaves];
        const seen: ChunkId[] = [];
        const settled = new Set<string>();
        while (waiting.length > 0) {
          const [leaf] = waiting.splice(random.next().value % waiting.length, 1) as [ChunkId];
          seen.push(leaf);
          const expected = waiting.length === 0 ? 'whole' : 'part';
          expect(leafOutcome(settled, leaf.path)).toBe(expected);
          expect(settleLeaf(settled, leaf.path)).toBe(expected);
          const at = random.next().value % seen.length;
          const [again] = seen.slice(at, at + 1) as [ChunkId];
          const before = [...settled];
          expect(settleLeaf(settled, again.path)).toBe('duplicate');
          expect([...settled]).toEqual(before);
          // Small: whole subtrees are kept as one, so there are at most as many as leaves still to come,
          // times the siblings on the way down to them.
          expect(settled.size).toBeLessThanOrEqual(seen.length);
          expect(settled.size).toBeLessThanOrEqual(1 + waiting.length * 3 * depthOf(leaves));
        }
        expect([...settled]).toEqual(['']);
      }),
      { numRuns: 500 },
    );
  });

  test('changes nothing when it is only asked', () => {
    const settled = new Set(['.0-2', '.1-2.0-2']);
    expect(leafOutcome(settled, '.1-2.1-2')).toBe('whole');
    expect(leafOutcome(settled, '.1-2.1-2.0-2')).toBe('part');
    expect(leafOutcome(settled, '.0-2.0-5')).toBe('duplicate');
    expect([...settled]).toEqual(['.0-2', '.1-2.0-2']);
  });

  test('settles a straight line at once', () => {
    const settled = new Set<string>();
    expect(settleLeaf(settled, '')).toBe('whole');
    expect(settleLeaf(settled, '')).toBe('duplicate');
    expect(settleLeaf(settled, '.0-2')).toBe('duplicate');
  });

  test('keeps a whole subtree as one path', () => {
    const settled = new Set<string>();
    settleLeaf(settled, '.0-2.2-3');
    settleLeaf(settled, '.0-2.0-3');
    expect(settled.size).toBe(2);
    expect(settleLeaf(settled, '.0-2.1-3')).toBe('part');
    expect([...settled]).toEqual(['.0-2']);
  });

  test.each([
    ['whole, after a part of it', ['.0-2'], ''],
    ['in three, after one of two', ['.0-2', '.0-3', '.1-3'], '.2-3'],
    ['in two at a depth, after one of three', ['.0-2', '.1-2.0-3', '.1-2.0-2'], '.1-2.1-2'],
  ])('notices a chunk that is saved %s', (_, leaves, last) => {
    const settled = new Set<string>();
    for (const leaf of leaves) expect(settleLeaf(settled, leaf)).toBe('part');
    const before = [...settled];
    expect(settleLeaf(settled, last)).toBe('overlap');
    expect([...settled]).toEqual(before);
  });

  test('takes a wide division in any order in little time', () => {
    const settled = new Set<string>();
    const siblings = 20_000;
    for (let place = siblings - 1; place > 0; place--) {
      expect(settleLeaf(settled, `.${place}-${siblings}`)).toBe('part');
    }
    expect(settleLeaf(settled, `.0-${siblings}`)).toBe('whole');
  });
});

function depthOf(leaves: readonly ChunkId[]): number {
  return Math.max(...leaves.map(({ path }) => path.split('.').length - 1));
}
