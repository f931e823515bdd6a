import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  childId,
  type ChunkId,
  compareChunkIds,
  formatChunkId,
  parseChunkId,
  parseStep,
} from './chunk-id.ts';

const chunkId: fc.Arbitrary<ChunkId> = fc
  .record({
    seq: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 999_999_999_999_999 })),
    steps: fc.array(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 1, max: 5 })), { maxLength: 4 }),
  })
  .map(({ seq, steps }) =>
    steps.reduce((id, [place, siblings]) => childId(id, place % siblings, siblings), {
      seq,
      path: '',
    }),
  );

describe('formatChunkId and parseChunkId', () => {
  test('are inverse', () => {
    fc.assert(
      fc.property(chunkId, (id) => {
        expect(parseChunkId(formatChunkId(id))).toEqual(id);
      }),
    );
  });

  test('refuse what they cannot have made, and never throw', () => {
    const edited = fc
      .tuple(chunkId, fc.nat(), fc.constantFrom('', '0', '1', '.', '-', ' ', 'x', '\n'))
      .map(([id, at, insert]) => {
        const text = formatChunkId(id);
        const place = at % (text.length + 1);
        return text.slice(0, place) + insert + text.slice(place + (at % 2));
      });
    fc.assert(
      fc.property(fc.oneof(edited, fc.string()), (text) => {
        const id = parseChunkId(text);
        if (id === undefined) return;
        expect(formatChunkId(id)).toBe(text);
        for (const piece of id.path.split('.').slice(1)) {
          const { place, siblings } = parseStep(piece);
          expect(place).toBeLessThan(siblings);
        }
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['a negative position', '-1'],
    ['leading zeros', '007'],
    ['leading zeros in a place', '7.01-2'],
    ['leading zeros in a number of siblings', '7.1-02'],
    ['a place beyond the siblings', '7.2-2'],
    ['an only child', '7.0-1'],
    ['no siblings', '7.0-0'],
    ['half a step', '7.1'],
    ['an empty step', '7.'],
    ['a line feed at the end', '7\n'],
    ['a position that no number holds', '9'.repeat(16)],
  ])('refuse %s', (_, text) => {
    expect(parseChunkId(text)).toBeUndefined();
  });
});

describe('childId', () => {
  test('adds place and siblings, and leaves an only child as it was', () => {
    const root = { seq: 42, path: '' };
    expect(childId(root, 0, 1)).toBe(root);
    expect(formatChunkId(childId(childId(root, 1, 2), 0, 3))).toBe('42.1-2.0-3');
  });
});

function sign(a: ChunkId, b: ChunkId): number {
  return Math.sign(compareChunkIds(a, b));
}

describe('compareChunkIds', () => {
  test('is a total order', () => {
    fc.assert(
      fc.property(chunkId, chunkId, chunkId, (a, b, c) => {
        expect(sign(a, b) + sign(b, a)).toBe(0);
        expect(sign(a, b) === 0).toBe(formatChunkId(a) === formatChunkId(b));
        const [first, second, third] = [a, b, c].toSorted(compareChunkIds) as [
          ChunkId,
          ChunkId,
          ChunkId,
        ];
        expect(sign(first, second)).toBeLessThanOrEqual(0);
        expect(sign(second, third)).toBeLessThanOrEqual(0);
        expect(sign(first, third)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 1000 },
    );
  });

  test('agrees with walking the graph depth first', () => {
    type Division = readonly Division[];
    const { division } = fc.letrec<{ division: Division }>((tie) => ({
      division: fc.oneof(
        { maxDepth: 3 },
        fc.constant<Division>([]),
        fc.array(tie('division'), { minLength: 1, maxLength: 12 }),
      ),
    }));
    const walk = (id: ChunkId, divided: Division): ChunkId[] => [
      ...(divided.length === 1 ? [] : [id]),
      ...divided.flatMap((child, place) => walk(childId(id, place, divided.length), child)),
    ];
    fc.assert(
      fc.property(fc.array(division, { maxLength: 12 }), (roots) => {
        const inOrder = roots.flatMap((divided, seq) => walk({ seq, path: '' }, divided));
        const sorted = inOrder.toReversed().toSorted(compareChunkIds);
        expect(sorted.map(formatChunkId)).toEqual(inOrder.map(formatChunkId));
      }),
    );
  });
});
