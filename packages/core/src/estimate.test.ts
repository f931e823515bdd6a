import { describe, expect, test } from 'vitest';
import { estimateOf, Pace } from './estimate.ts';
import { reportOf, type RunReport } from './run.ts';

const EMPTY = reportOf(
  { run: 'r', pipeline: 'p', params: {}, spec: { name: 'p', stages: [] }, createdAt: '' },
  undefined,
);

/** A running run that has come so far; a third of its records was saved, filtered and given up each. */
function reportAt(records: number, fraction: number | null): RunReport {
  const third = records / 3;
  return {
    ...EMPTY,
    state: 'running',
    startedAt: '2026-01-01T00:00:00.000Z',
    fraction,
    records: { ...EMPTY.records, saved: third, filtered: third, dead: third },
  };
}

describe('estimateOf', () => {
  test('takes the mean pace since the beginning', () => {
    const estimate = estimateOf(reportAt(300, 0.25), 10_000);
    expect(estimate).toEqual({ recordsPerSecond: 30, remainingMs: 30_000 });
  });

  test('knows the pace and no end where the source does not tell its size', () => {
    const estimate = estimateOf(reportAt(300, null), 10_000);
    expect(estimate).toEqual({ recordsPerSecond: 30, remainingMs: undefined });
  });

  test.each([
    ['while nothing is settled', reportAt(0, 0), 10_000],
    ['at the very beginning', reportAt(0, 0), 0],
    ['when clocks differ, so that it begins later', reportAt(0, 0), -5_000],
  ])('estimates nothing %s', (_, report, elapsedMs) => {
    expect(estimateOf(report, elapsedMs)).toEqual({ recordsPerSecond: 0, remainingMs: undefined });
  });

  test.each([
    ['has not begun', EMPTY],
    ['has ended', { ...reportAt(300, 1), state: 'completed' as const }],
  ])('has nothing to say of a run that %s', (_, report) => {
    expect(estimateOf(report, 10_000)).toBeUndefined();
  });
});

describe('Pace', () => {
  test('knows nothing before its second report', () => {
    const pace = new Pace();
    expect(pace.estimate).toEqual({ recordsPerSecond: 0, remainingMs: undefined });
    pace.add(reportAt(300, 0.1), 1_000);
    expect(pace.estimate).toEqual({ recordsPerSecond: 0, remainingMs: undefined });
  });

  test('goes by what was reported within its window, and forgets what is older', () => {
    const pace = new Pace();
    pace.add(reportAt(0, 0), 0);
    pace.add(reportAt(9_000, 0.5), 60_000);
    pace.add(reportAt(9_300, 0.6), 61_000);
    pace.add(reportAt(9_600, 0.7), 62_000);
    expect(pace.estimate.recordsPerSecond).toBeCloseTo(300);
    expect(pace.estimate.remainingMs).toBeCloseTo(3_000);
  });

  test('begins to estimate the end when the share of the dataset is known', () => {
    const pace = new Pace();
    pace.add(reportAt(0, null), 0);
    pace.add(reportAt(300, 0.25), 1_000);
    pace.add(reportAt(600, 0.5), 2_000);
    expect(pace.estimate).toEqual({ recordsPerSecond: 300, remainingMs: 2_000 });
  });
});
