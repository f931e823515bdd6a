import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_SLOTS, movingAverage, wantedSlots } from './slots.ts';

describe('wantedSlots', () => {
  test.each([
    ['no chunk was timed yet', 4, undefined, 4],
    ['a chunk takes minutes', 4, 600_000, 4],
    ['a chunk takes half a second', 1, 500, 3],
    ['a chunk takes a millisecond', 1, 1, MAX_SLOTS],
    ['a chunk takes no time', 1, 0, MAX_SLOTS],
    ['it works on more than the most that are held', 100, 1, 100],
  ])('holds enough when %s', (_, parallel, chunkMs, expected) => {
    expect(wantedSlots(parallel, chunkMs)).toBe(expected);
  });

  test('never holds fewer than it works on, nor more than the most', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 1e7, noNaN: true }),
        (parallel, chunkMs) => {
          const slots = wantedSlots(parallel, chunkMs);
          expect(Number.isInteger(slots)).toBe(true);
          expect(slots).toBeGreaterThanOrEqual(parallel);
          expect(slots).toBeLessThanOrEqual(Math.max(parallel, MAX_SLOTS));
          expect(wantedSlots(parallel, chunkMs * 2)).toBeLessThanOrEqual(slots);
        },
      ),
    );
  });
});

describe('movingAverage', () => {
  test('begins with the first value', () => {
    expect(movingAverage(undefined, 80)).toBe(80);
  });

  test('forgets half of the past in about five steps', () => {
    let average = 100;
    for (let i = 0; i < 5; i++) average = movingAverage(average, 0);
    expect(average).toBeCloseTo(50, 0);
  });

  test('stays between what it has seen', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1e6 }), { minLength: 1 }), (values) => {
        let average: number | undefined;
        for (const value of values) average = movingAverage(average, value);
        expect(average).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6);
        expect(average).toBeLessThanOrEqual(Math.max(...values) + 1e-6);
      }),
    );
  });
});
