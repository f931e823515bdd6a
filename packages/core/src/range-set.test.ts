import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RangeSet } from './range-set.ts';

/** The ranges of a plain set. */
function rangesOf(set: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const n of [...set].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === n) last[1] = n + 1;
    else ranges.push([n, n + 1]);
  }
  return ranges;
}

function addTo(set: Set<number>, n: number): boolean {
  const isNew = !set.has(n);
  set.add(n);
  return isNew;
}

function takeFrom(set: Set<number>, n: number, limit: number): number {
  let end = n;
  if (Math.min(...set) === n) while (end < limit && set.delete(end)) end++;
  return end;
}

type Operation = ['add' | 'take', n: number, limit: number];

describe('RangeSet', () => {
  test('behaves as a plain set does', () => {
    const operation: fc.Arbitrary<Operation> = fc.tuple(
      fc.constantFrom('add', 'add', 'add', 'take'),
      fc.nat({ max: 24 }),
      fc.nat({ max: 30 }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        let ranges = new RangeSet();
        const model = new Set<number>();
        for (const [kind, n, limit] of operations) {
          const [found, expected] =
            kind === 'add'
              ? [ranges.add(n), addTo(model, n)]
              : [ranges.takeFrom(n, limit), takeFrom(model, n, limit)];
          expect(found).toBe(expected);
          expect(ranges.toRanges()).toEqual(rangesOf(model));
          expect(ranges.rangeCount).toBe(rangesOf(model).length);
          for (let at = 0; at < 26; at++) {
            expect(ranges.has(at)).toBe(model.has(at));
            let end = at;
            while (model.has(end)) end++;
            expect(ranges.endFrom(at)).toBe(end);
          }
          ranges = new RangeSet(ranges.toRanges());
        }
      }),
    );
  });

  test('joins what touches', () => {
    const ranges = new RangeSet();
    for (const n of [5, 7, 6, 4, 8]) ranges.add(n);
    expect(ranges.toRanges()).toEqual([[4, 9]]);
  });

  test('takes a part of a range when it is limited', () => {
    const ranges = new RangeSet([[3, 9]]);
    expect(ranges.takeFrom(3, 3)).toBe(3);
    expect(ranges.takeFrom(3, 5)).toBe(5);
    expect(ranges.toRanges()).toEqual([[5, 9]]);
    expect(ranges.takeFrom(5, Infinity)).toBe(9);
    expect(ranges.rangeCount).toBe(0);
  });

  test('does not hand out its own ranges, nor keep those it was given', () => {
    const given: [number, number][] = [[0, 1]];
    const ranges = new RangeSet(given);
    ranges.add(1);
    const handed = ranges.toRanges();
    ranges.add(2);
    expect(given).toEqual([[0, 1]]);
    expect(handed).toEqual([[0, 2]]);
  });
});
