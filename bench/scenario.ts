import { mkdir } from 'node:fs/promises';
import type { Contender } from './contender.ts';
import type { Job } from './job/job.ts';
import { dataset } from './job/dataset.ts';
import { type Measurement, measure } from './measure/measure.ts';
import { median, spread } from './measure/statistics.ts';
import { UsedDisk } from './measure/used-disk.ts';
import type { Table } from './measure/table.ts';

/** What a scenario is given. */
export interface Bench {
  readonly isQuick: boolean;
  /** Where datasets lie and jobs are done. */
  readonly workDir: string;
  /** Says what is going on. */
  readonly log: (line: string) => void;
}

/** What Leat is to a contender, by shape of the job and by contender; `null` if that was not measured. */
export type Ratios = Readonly<Record<string, Readonly<Record<string, number | null>>>>;

/** What a scenario found: for people, and for programs. */
interface Finding {
  readonly tables: readonly Table[];
  readonly data: unknown;
  /** Go to the top of the JSON; see `scenarios/contenders.ts`. */
  readonly ratios?: Ratios;
  readonly cpuRatios?: Ratios;
}

/** One question that the bench answers. */
export interface Scenario {
  readonly name: string;
  /** The question, in a sentence. */
  readonly about: string;
  /** Whether `--quick` asks it, too. */
  readonly isQuick: boolean;
  readonly run: (bench: Bench) => Promise<Finding>;
}

/** A contender with a job that is its own: fewer records for the slow ones, say. */
export interface Entry {
  readonly label: string;
  readonly contender: Contender;
  readonly job: Omit<Job, 'dir' | 'dataset'>;
  /** @defaultValue 200 */
  readonly recordBytes?: number;
}

/** All rounds of an entry. */
export interface Result {
  readonly entry: Entry;
  readonly rounds: readonly Measurement[];
  readonly recordsPerSecond: number;
  readonly spread: number;
  readonly cpuPerRecord: number;
}

/** Measures entries side by side, on a used disk: one round after the other, each in another order. */
export async function interleave(
  bench: Bench,
  entries: readonly Entry[],
  rounds: number,
): Promise<Result[]> {
  await mkdir(bench.workDir, { recursive: true });
  const disk = new UsedDisk(bench.workDir, entries.length * rounds);
  const once = async ({ job, recordBytes = 200, contender }: Entry) => {
    const file = await dataset(bench.workDir, job.records, recordBytes);
    await disk.use();
    return measure(contender, { ...job, dataset: file }, bench.workDir);
  };
  const measured = new Map<Entry, Measurement[]>(entries.map((entry) => [entry, []]));
  for (let round = 0; round < rounds; round++) {
    for (const entry of [...entries.slice(round), ...entries.slice(0, round)]) {
      const one = await once(entry);
      measured.get(entry)?.push(one);
      const rate = Math.round(one.recordsPerSecond).toLocaleString('en');
      bench.log(`round ${round + 1} of ${rounds}: ${entry.label}: ${rate} records a second`);
    }
  }
  return [...measured].map(([entry, all]) => {
    const rates = all.map(({ recordsPerSecond }) => recordsPerSecond);
    return {
      entry,
      rounds: all,
      recordsPerSecond: median(rates),
      spread: spread(rates),
      cpuPerRecord: median(all.map(({ cpuPerRecord }) => cpuPerRecord)),
    };
  });
}

/** How many times as fast one is as the other: the median over the rounds, each beside its neighbour. */
export function ratio(one: Result, other: Result): number {
  return medianOfRounds(one, other, (mine, its) => mine.recordsPerSecond / its.recordsPerSecond);
}

/** How many times as much CPU the other takes for a record: as with `ratio`, more is better. */
export function cpuRatio(one: Result, other: Result): number {
  return medianOfRounds(one, other, (mine, its) => its.cpuPerRecord / mine.cpuPerRecord);
}

function medianOfRounds(
  one: Result,
  other: Result,
  compare: (mine: Measurement, its: Measurement) => number,
): number {
  return median(one.rounds.map((each, round) => compare(each, other.rounds[round] as Measurement)));
}
