import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_COUNTS } from './counts.ts';
import {
  type DeadTolerance,
  deathTollOf,
  isDeadTolerance,
  type DeathToll,
  lookForBurst,
  whyTooManyDead,
} from './tolerance.ts';

const isTooMany = (tolerance: DeadTolerance, dead: number, settled: number): boolean =>
  whyTooManyDead('r1', tolerance, { settled, dead }) !== undefined;

test.each([0, 1, 1_000, '0%', '2%', '0.125%', '99.9%', '100%'])('%s is a tolerance', (value) => {
  expect(isDeadTolerance(value)).toBe(true);
});

const NUMBERS_AND_OTHERS = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, true, ['2%']];
const TEXTS = ['2', '%', '-1%', '101%', '100.001%', '0.1234%', '1e1%', ' 2%', '2 %', 'two%'];

test.each([...NUMBERS_AND_OTHERS, ...TEXTS])('%s is none', (value) => {
  expect(isDeadTolerance(value)).toBe(false);
});

describe('a number', () => {
  test('is the most records that may be dead, however many are settled', () => {
    expect(isTooMany(0, 0, 5_000)).toBe(false);
    expect(isTooMany(0, 1, 1)).toBe(true);
    expect(isTooMany(1_000, 1_000, 1_000)).toBe(false);
    expect(isTooMany(1_000, 1_001, 9_000_000)).toBe(true);
  });
});

describe('a percentage', () => {
  test('is of the records that are settled, once there are 1,000 of them', () => {
    expect(isTooMany('2%', 999, 999)).toBe(false);
    expect(isTooMany('2%', 20, 1_000)).toBe(false);
    expect(isTooMany('2%', 21, 1_000)).toBe(true);
    expect(isTooMany('2%', 21, 1_050)).toBe(false);
    expect(isTooMany('0%', 1, 1_000)).toBe(true);
  });

  test('is exact', () => {
    const thousandths = fc.integer({ min: 0, max: 100_000 });
    const settled = fc.integer({ min: 1_000, max: 10 ** 10 });
    fc.assert(
      fc.property(thousandths, settled, (share, count) => {
        const tolerance = `${share / 1_000}%` as DeadTolerance;
        const most = Number((BigInt(share) * BigInt(count)) / 100_000n);
        expect(isTooMany(tolerance, most, count)).toBe(false);
        if (most < count) expect(isTooMany(tolerance, most + 1, count)).toBe(true);
      }),
    );
  });
});

test('what was dead when the run was resumed is tolerated', () => {
  const tolerated = { settled: 5_000, dead: 1_001 };
  const why = (tolerance: DeadTolerance, settled: number, dead: number): string | undefined =>
    whyTooManyDead('r1', tolerance, { settled, dead }, tolerated);
  expect(why(10, 9_000, 1_011)).toBeUndefined();
  expect(why(10, 9_000, 1_012)).toMatch(/^11 further records are dead, more than the 10 that/);
  expect(why('1%', 5_999, 2_000)).toBeUndefined();
  expect(why('1%', 6_000, 1_012)).toMatch(
    /^11 of 1,000 further records are dead, more than the 1%/,
  );
  // Dead records can be brought back to life.
  expect(why(0, 9_000, 1_000)).toBeUndefined();
});

test('the sentence says what was expected, what was found, and what to do', () => {
  expect(whyTooManyDead('r1', 1_000, { settled: 5_000, dead: 1_001 })).toBe(
    '1,001 records are dead, more than the 1,000 that maxDeadRecords tolerates; see "leat dead list r1", then "leat resume r1"',
  );
  expect(whyTooManyDead('r1', '2%', { settled: 1_200, dead: 37 })).toMatch(
    /^37 of 1,200 records are dead, more than the 2% that maxDeadRecords tolerates;/,
  );
  expect(whyTooManyDead('r1', 0, { settled: 7, dead: 1 })).toMatch(/^1 record is dead, more than/);
});

test('the toll is in the books', () => {
  const counts = { ...NO_COUNTS, in: 10, expanded: 5, filtered: 2, dead: 3, retries: 8 };
  expect(deathTollOf(counts)).toEqual({ settled: 15, dead: 3 });
});

describe('a burst', () => {
  const at = (settled: number, dead: number): DeathToll => ({ settled, dead });

  test('is more than half of the last thousand, wherever in a run', () => {
    expect(lookForBurst('r1', at(0, 0), at(999, 999))).toEqual({ since: at(0, 0) });
    expect(lookForBurst('r1', at(0, 0), at(1_000, 500))).toEqual({ since: at(1_000, 500) });
    const { since, reason } = lookForBurst('r1', at(5_000_000, 7), at(5_001_200, 608));
    expect(since).toEqual(at(5_001_200, 608));
    expect(reason).toBe(
      '601 of the last 1,200 records are dead, so that what all of them need may be away; see "leat dead groups r1", then "leat resume r1". A pipeline with maxDeadRecords says how many it tolerates',
    );
  });

  test('is found within two thousand records, however they come; what dies evenly is none', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 40, maxLength: 80 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 3_000 }), (sizes, good) => {
        let toll = at(0, 0);
        let since = toll;
        for (const size of sizes) {
          const isAway = toll.settled >= good;
          toll = at(toll.settled + size, toll.dead + (isAway ? size : Math.floor(size / 2)));
          const look = lookForBurst('r1', since, toll);
          since = look.since;
          if (look.reason !== undefined) {
            expect(isAway).toBe(true);
            return;
          }
          expect(toll.settled).toBeLessThan(good + 300 + 2 * 1_300);
        }
      }),
    );
  });
});
