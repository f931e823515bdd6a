import type { Result } from '../scenario.ts';
import { median } from './statistics.ts';
import { figure, percent, type Table } from './table.ts';

/** Records a second, and what they cost, one entry a row. */
export function throughputTable(title: string, results: readonly Result[]): Table {
  const roles = [...new Set(results.flatMap(({ rounds }) => Object.keys(rounds[0]?.usage ?? {})))];
  return {
    title,
    head: ['', 'records/s', 'spread', 'CPU µs/record', ...roles.map((role) => `${role} µs`)],
    rows: results.map(({ entry, rounds, recordsPerSecond, spread, cpuPerRecord }) => [
      entry.label,
      figure(recordsPerSecond),
      percent(spread),
      figure(cpuPerRecord),
      ...roles.map((role) => {
        const each = rounds.map(
          ({ usage, records }) => (usage[role]?.cpuSeconds ?? Number.NaN) / records,
        );
        return figure(median(each) * 1e6);
      }),
    ]),
  };
}

/** The same for programs. */
export function throughputData(results: readonly Result[]): unknown {
  return results.map(({ entry: { label, contender, job, recordBytes }, ...rest }) => ({
    label,
    about: contender.about,
    job: { ...job, recordBytes: recordBytes ?? 200 },
    ...rest,
  }));
}
