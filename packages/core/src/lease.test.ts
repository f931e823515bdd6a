import { describe, expect, test } from 'vitest';
import { type LeaseView, mayTakeOver, nextFence } from './lease.ts';

const HELD: LeaseView = { holder: 'fetcher-1', seenAt: 1_000, isHolderDead: false };

describe('mayTakeOver', () => {
  test.each([
    ['leaves a lease alone that was renewed just now', HELD, 1_000, false],
    ['leaves a lease alone until its last millisecond', HELD, 10_999, false],
    ['takes a lease over when its length has passed', HELD, 11_000, true],
    ['takes a lease that nobody holds', { ...HELD, holder: undefined }, 1_000, true],
    ['takes the lease of a dead holder at once', { ...HELD, isHolderDead: true }, 1_000, true],
    ['leaves a lease alone when its clock was set back', HELD, 0, false],
  ])('%s', (_, view, now, expected) => {
    expect(mayTakeOver(view, now, 10_000)).toBe(expected);
  });
});

test.each<[string, number, readonly number[], number]>([
  ['begins with the time', 5_000, [], 5_000],
  ['rises with each claim, also within a millisecond', 5_000, [5_000], 5_001],
  ['is above those that a clock gave which was ahead', 5_000, [90_000], 90_001],
  ['is not below the time, where an old state was restored', 5_000, [40], 5_000],
  ['is above what the sinks have', 5_000, [4_000, 70_000], 70_001],
])('a fence %s', (_, now, before, expected) => {
  expect(nextFence(now, ...before)).toBe(expected);
});
