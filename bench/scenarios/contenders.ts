import type { Contender } from '../contender.ts';
import type { Job } from '../job/job.ts';
import { app9 } from '../contenders/app9.ts';
import { bullmqInline } from '../contenders/bullmq-inline.ts';
import { bullmqLines } from '../contenders/bullmq-lines.ts';
import { bullmq } from '../contenders/bullmq.ts';
import { floor, floorInOne } from '../contenders/floor.ts';
import { inlineFloor } from '../contenders/inline-floor.ts';
import { leat, leatDev, leatInline } from '../contenders/leat.ts';
import { pgBossLines } from '../contenders/pg-boss-lines.ts';
import { pgBoss } from '../contenders/pg-boss.ts';
import { throughputData, throughputTable } from '../measure/throughput-table.ts';
import {
  cpuRatio,
  type Entry,
  interleave,
  ratio,
  type Ratios,
  type Result,
  type Scenario,
} from '../scenario.ts';

const ROUNDS = 5;
const QUICK_ROUNDS = 3;
const RECORDS = 1_000_000;
/** Nine contenders, four times, in some minutes. */
const QUICK_RECORDS = 600_000;
/** PostgreSQL would keep everybody waiting. */
const SLOW_RECORDS = 300_000;
type Work = Pick<Job, 'transform' | 'fsync'>;

/** What the output survives when nobody waits for the disk: the class in which all can be compared. */
const CACHED: Work = { transform: 'cheap', fsync: false };
const ENRICH: Work = { ...CACHED, transform: 'enrich' };

function entry(label: string, contender: Contender, work: Work = CACHED): Entry {
  const records = contender.name.startsWith('pg-boss') ? SLOW_RECORDS : RECORDS;
  return { label, contender, job: { records, chunkSize: 100, mappers: 2, ...work } };
}

function quick(each: Entry): Entry {
  return { ...each, job: { ...each.job, records: Math.min(each.job.records, QUICK_RECORDS) } };
}

const HEADLINE: readonly Entry[] = [
  entry('leat', leat),
  entry('leat, inline', leatInline),
  entry('leat, enrich', leatInline, ENRICH),
  entry('floor', floor),
  entry('floor, inline', inlineFloor),
  entry('floor, inline, enrich', inlineFloor, ENRICH),
  entry('bullmq', bullmq),
  entry('pg-boss', pgBoss),
  entry('app9', app9),
];

const FURTHER: readonly Entry[] = [
  entry('leat dev', leatDev),
  entry('floor, one process', floorInOne),
  entry('bullmq, lines', bullmqLines),
  entry('bullmq, lines, inline', bullmqInline),
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
      if (missing === undefined) entries.push(bench.isQuick ? quick(each) : each);
      else skipped.push(`${each.label} is skipped: ${missing}`);
    }
    for (const line of skipped) bench.log(line);
    const results = await interleave(bench, entries, bench.isQuick ? QUICK_ROUNDS : ROUNDS);
    return {
      tables: [throughputTable('Leat and its contenders', results)],
      data: { skipped, results: throughputData(results) },
      ratios: compared(results, ratio),
      cpuRatios: compared(results, cpuRatio),
    };
  },
};

/**
 * What Leat is compared with, by shape: `apart` has a queue in front of each stage, `inline` saves where it
 * maps, and `enrich` puts the new field into the line besides. Others have one shape, and do the same work.
 */
function compared(
  results: readonly Result[],
  compare: (one: Result, other: Result) => number,
): Ratios {
  const against = (mine: string, others: Readonly<Record<string, string>>) => {
    const one = named(results, mine);
    return Object.fromEntries(
      Object.entries(others).map(([name, label]) => {
        const other = named(results, label);
        return [name, one === undefined || other === undefined ? null : compare(one, other)];
      }),
    );
  };
  const shape = (mine: string, inline: string) =>
    against(mine, {
      floor: 'floor',
      inlineFloor: inline,
      bullmq: 'bullmq',
      pgboss: 'pg-boss',
      app9: 'app9',
      bullmqLines: 'bullmq, lines',
      bullmqLinesInline: 'bullmq, lines, inline',
      pgbossLines: 'pg-boss, lines',
    });
  return {
    apart: shape('leat', 'floor, inline'),
    inline: shape('leat, inline', 'floor, inline'),
    enrich: shape('leat, enrich', 'floor, inline, enrich'),
    dev: against('leat dev', { floorInOneProcess: 'floor, one process' }),
  };
}

function named(results: readonly Result[], label: string): Result | undefined {
  return results.find((result) => result.entry.label === label);
}
