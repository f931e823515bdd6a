import type { Contender } from '../contender.ts';
import type { Job } from '../job/job.ts';
import { app9 } from '../contenders/app9.ts';
import { bullmqLines } from '../contenders/bullmq-lines.ts';
import { bullmq } from '../contenders/bullmq.ts';
import { floor, floorInOne } from '../contenders/floor.ts';
import { leat, leatDev } from '../contenders/leat.ts';
import { pgBossLines } from '../contenders/pg-boss-lines.ts';
import { pgBoss } from '../contenders/pg-boss.ts';
import { throughputData, throughputTable } from '../measure/throughput-table.ts';
import { type Entry, interleave, ratio, type Result, type Scenario } from '../scenario.ts';

const ROUNDS = 5;
const QUICK_ROUNDS = 3;
const RECORDS = 1_000_000;
/** PostgreSQL would keep everybody waiting. */
const SLOW_RECORDS = 300_000;
type Shape = Pick<Job, 'transform' | 'fsync'>;

/** What the output survives when nobody waits for the disk: the class in which all can be compared. */
const CACHED: Shape = { transform: 'cheap', fsync: false };

function entry(label: string, contender: Contender, shape: Shape = CACHED): Entry {
  const records = contender.name.startsWith('pg-boss') ? SLOW_RECORDS : RECORDS;
  return { label, contender, job: { records, chunkSize: 100, mappers: 2, ...shape } };
}

const HEADLINE: readonly Entry[] = [
  entry('leat', leat),
  entry('floor', floor),
  entry('bullmq', bullmq),
  entry('pg-boss', pgBoss),
  entry('app9', app9),
];

const FURTHER: readonly Entry[] = [
  entry('leat dev', leatDev),
  entry('floor, one process', floorInOne),
  entry('bullmq, lines', bullmqLines),
  entry('pg-boss, lines', pgBossLines),
  ...(['identity', 'checked'] as const).flatMap((transform) => [
    entry(`leat, ${transform}`, leat, { ...CACHED, transform }),
    entry(`floor, ${transform}`, floor, { ...CACHED, transform }),
  ]),
  entry('floor, bytes unread', floor, { ...CACHED, transform: 'bytes' }),
  entry('leat, output synced', leat, { ...CACHED, fsync: true }),
  entry('floor, output synced', floor, { ...CACHED, fsync: true }),
];

/** The main question, and the only one with a target. */
export const contenders: Scenario = {
  name: 'contenders',
  about: 'How fast is Leat beside a program written by hand, and beside others?',
  isQuick: true,
  run: async (bench) => {
    const skipped: string[] = [];
    const entries: Entry[] = [];
    for (const each of bench.isQuick ? HEADLINE : [...HEADLINE, ...FURTHER]) {
      const missing = await each.contender.missing?.();
      if (missing === undefined) entries.push(each);
      else skipped.push(`${each.label} is skipped: ${missing}`);
    }
    for (const line of skipped) bench.log(line);
    const results = await interleave(bench, entries, bench.isQuick ? QUICK_ROUNDS : ROUNDS);
    const named = (label: string): Result | undefined =>
      results.find((result) => result.entry.label === label);
    const against = (label: string, one = 'leat'): number | null => {
      const [mine, other] = [named(one), named(label)];
      return mine === undefined || other === undefined ? null : ratio(mine, other);
    };
    return {
      tables: [throughputTable('Leat and its contenders', results)],
      data: { skipped, results: throughputData(results) },
      ratios: {
        floor: against('floor'),
        bullmq: against('bullmq'),
        pgboss: against('pg-boss'),
        app9: against('app9'),
        floorInOneProcess: against('floor, one process', 'leat dev'),
        bullmqLines: against('bullmq, lines'),
        pgbossLines: against('pg-boss, lines'),
      },
    };
  },
};
