import { describe, expect, test } from 'vitest';
import { type LeaseView, mayTakeOver } from './lease.ts';

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
