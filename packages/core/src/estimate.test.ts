import { describe, expect, test } from 'vitest';
import { Pace } from './estimate.ts';
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

describe('Pace', () => {
  test('knows nothing before its second report', () => {
    const pace = new Pace();
    expect(pace.estimate).toEqual({ recordsPerSecond: 0, remainingMs: null });
    pace.add(reportAt(300, 0.1), 1_000);
    expect(pace.estimate).toEqual({ recordsPerSecond: 0, remainingMs: null });
  });

  test('has no end to tell while nothing moves, or the source does not tell its size', () => {
    const still = new Pace();
    for (const at of [0, 1_000, 20_000]) still.add(reportAt(300, 0.5), at);
    expect(still.estimate).toEqual({ recordsPerSecond: 0, remainingMs: null });
    const endless = new Pace();
    for (const at of [1, 2, 3]) endless.add(reportAt(at * 300, null), at * 1_000);
    expect(endless.estimate).toEqual({ recordsPerSecond: 300, remainingMs: null });
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
