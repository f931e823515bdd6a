import { floor } from '../contenders/floor.ts';
import { leat } from '../contenders/leat.ts';
import { dataset } from '../job/dataset.ts';
import { type Measurement, measure } from '../measure/measure.ts';
import { median, spread } from '../measure/statistics.ts';
import { figure, percent } from '../measure/table.ts';
import type { Scenario } from '../scenario.ts';

const ROUNDS = 5;
const RECORDS = 1_000_000;
const JOB = {
  records: RECORDS,
  chunkSize: 100,
  mappers: 2,
  transform: 'cheap',
  fsync: false,
} as const;

/** CPU time for a record, of one role or of all. */
const COSTS: readonly [string, (of: Measurement) => number][] = [
  ['all', ({ cpuPerRecord }) => cpuPerRecord / 1e6],
  ...['broker', 'saver', 'mapper', 'fetcher'].map((role): [string, (of: Measurement) => number] => [
    role,
    ({ usage, records }) => (usage[role]?.cpuSeconds ?? Number.NaN) / records,
  ]),
];

/** Both at the same time on the same cores: whatever else the machine does slows down both alike. */
export const atOnce: Scenario = {
  name: 'at-once',
  about:
    'What CPU time does the raw program take of what Leat takes, both running at the same time?',
  isQuick: false,
  run: async ({ workDir, log }) => {
    const job = { ...JOB, dataset: await dataset(workDir, RECORDS, 200) };
    const rounds: { readonly mine: Measurement; readonly other: Measurement }[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const both = [measure(leat, job, workDir), measure(floor, job, workDir)] as const;
      const [mine, other] = await Promise.all(both);
      rounds.push({ mine, other });
      log(`round ${round} of ${ROUNDS}: ${figure(other.cpuPerRecord / mine.cpuPerRecord)}`);
    }
    const rows = COSTS.map(([name, cost]) => {
      const shares = rounds.map(({ mine, other }) => cost(other) / cost(mine));
      return { name, share: median(shares), spread: spread(shares) };
    });
    const table = {
      title: 'CPU time of the raw program, as a share of that of Leat',
      head: ['', 'share', 'spread'],
      rows: rows.map((row) => [row.name, figure(row.share), percent(row.spread)]),
    };
    return { tables: [table], data: { rounds, rows } };
  },
};
