import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  childId,
  type ChunkId,
  compareChunkIds,
  formatChunkId,
  ordinalOf,
  parseChunkId,
  parseStep,
  precedes,
  redriveId,
  redrivenOf,
} from './chunk-id.ts';

const chunkId: fc.Arbitrary<ChunkId> = fc
  .record({
    seq: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 999_999_999_999_999 })),
    steps: fc.array(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 0, max: 5 })), { maxLength: 5 }),
  })
  .map(({ seq, steps }) =>
    steps.reduce<ChunkId>(
      (id, [nth, siblings]) =>
        siblings === 0 ? redriveId(id, nth % 3, nth) : childId(id, nth % siblings, siblings),
      { seq, path: '' },
    ),
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
      .tuple(chunkId, fc.nat(), fc.constantFrom('', '0', '1', '.', '-', '~', ' ', 'x', '\n'))
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
        for (const [, step = ''] of id.path.matchAll(/\.([-\d]+)/g)) {
          const { place, siblings } = parseStep(step);
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
    ['half a redrive', '7~1'],
    ['the first redrive with its number', '7~1-17-1'],
    ['leading zeros in a redrive', '7~1-017'],
    ['a division with a third number', '7.0-2-2'],
    ['a position that no number holds', '9'.repeat(16)],
    ['more divisions than any graph has', `7${'.0-2'.repeat(25)}`],
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

describe('redriveId', () => {
  const idOf = (text: string): ChunkId => parseChunkId(text) as ChunkId;

  test.each([
    ['42', 1, 17, '42~1-17'],
    ['42~1-17', 1, 0, '42~1-17-2'],
    ['42~1-17-2', 1, 0, '42~1-17-3'],
    ['42~1-17', 2, 0, '42~1-17~2-0'],
    ['42~1-17.0-3', 1, 5, '42~1-17.0-3~1-5'],
    ['42.1-2', 0, 0, '42.1-2~0-0'],
  ])('of a letter of %s, stage %i, record %i, is %s', (letter, stage, index, expected) => {
    expect(formatChunkId(redriveId(idOf(letter), stage, index))).toBe(expected);
  });

  test('is another one for each letter', () => {
    // A redriven record is alone in its chunk, so the stage that gave it up before gives up record 0.
    const letter = fc.tuple(chunkId, fc.nat({ max: 2 }), fc.nat({ max: 3 })).map((given) => {
      const [id, stage, index] = given;
      const isSame = new RegExp(`~${stage}-\\d+(-\\d+)?$`).test(id.path);
      return { id, stage, index: isSame ? 0 : index };
    });
    fc.assert(
      fc.property(letter, letter, (a, b) => {
        const same =
          formatChunkId(a.id) === formatChunkId(b.id) && a.stage === b.stage && a.index === b.index;
        const [left, right] = [
          redriveId(a.id, a.stage, a.index),
          redriveId(b.id, b.stage, b.index),
        ];
        expect(formatChunkId(left) === formatChunkId(right)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('redrivenOf', () => {
  test.each([
    ['42', undefined],
    ['42.1-2', undefined],
    ['42~1-17', ['42~1-17', '']],
    ['42.1-2~1-17-2.0-3.1-2', ['42.1-2~1-17-2', '.0-3.1-2']],
    ['42~1-17.0-3~2-5.0-2', ['42~1-17.0-3~2-5', '.0-2']],
  ])('%s belongs to %s', (text, expected) => {
    const redriven = redrivenOf(parseChunkId(text) as ChunkId);
    expect(redriven && [formatChunkId(redriven.record), redriven.below]).toEqual(expected);
  });
});

describe('ordinalOf', () => {
  test('is another one for each id', () => {
    fc.assert(
      fc.property(chunkId, chunkId, (a, b) => {
        const isEqual = ordinalOf(a).join() === ordinalOf(b).join();
        expect(isEqual).toBe(formatChunkId(a) === formatChunkId(b));
      }),
    );
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

  test('puts a redriven record after what its chunk became', () => {
    const inOrder = [
      '4',
      '4.0-2',
      '4.0-2~1-3',
      '4.1-2',
      '4~1-9',
      '4~1-17',
      '4~1-17-2',
      '4~2-0',
      '5',
    ];
    const ids = inOrder.map((text) => parseChunkId(text) as ChunkId);
    expect(ids.toReversed().toSorted(compareChunkIds).map(formatChunkId)).toEqual(inOrder);
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

describe('precedes', () => {
  test('is the order of chunk ids, with what is none of them at the end', () => {
    const sorted = ['0', '2', '2.0-2', '2.1-2', '2~1-0', '10', 'strange'];
    for (const [at, a] of sorted.entries()) {
      expect(sorted.filter((b) => precedes(a, b))).toEqual(sorted.slice(at + 1));
    }
    expect(precedes('strange', 'stranger')).toBe(false);
  });
});
