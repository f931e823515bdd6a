import { EMPTY_DIGEST, reportOf, type RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { compareReport } from './compare-report.ts';

const EMPTY = reportOf(
  {
    run: 'r',
    pipeline: 'p',
    params: {},
    spec: { name: 'p', stages: [] },
    createdAt: '2026-11-28T12:00:00.000Z',
  },
  undefined,
);

function report(state: RunReport['state'], saved: number, reason?: string): RunReport {
  const { reason: _, ...rest } = EMPTY;
  return {
    ...rest,
    state,
    digest: EMPTY_DIGEST,
    records: { ...EMPTY.records, saved },
    ...(reason !== undefined && { reason }),
  };
}

const sink = (records: number) => ({ records, digest: EMPTY_DIGEST, roots: { has: () => true } });

test('a cancelled run that says what it does not count is not at fault for it', () => {
  const reason = 'it was ended without a fetcher: what savers have committed is not in this report';
  expect(compareReport(report('cancelled', 800, reason), [sink(12_000), sink(800)])).toEqual({
    findings: [],
    note: `The report does not count 12000 of these records: ${reason}.`,
  });
});

test.each<[string, RunReport, number]>([
  ['a cancelled run says nothing of it', report('cancelled', 800), 801],
  [
    'a cancelled run has lost some',
    report('cancelled', 800, 'it was ended without a fetcher'),
    799,
  ],
  ['a run has completed', report('completed', 800), 801],
  ['a run has failed for a reason', report('failed', 800, 'the disk is full'), 801],
])('another number is a finding where %s', (_, given, records) => {
  expect(compareReport(given, [sink(records)])).toEqual({
    findings: [`The report says 800 records were saved; the sinks hold ${records}.`],
  });
});
