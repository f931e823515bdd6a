import { floor } from '../contenders/floor.ts';
import { leat } from '../contenders/leat.ts';
import type { Job } from '../job/job.ts';
import { figure } from '../measure/table.ts';
import { throughputData, throughputTable } from '../measure/throughput-table.ts';
import { type Entry, interleave, ratio, type Scenario } from '../scenario.ts';

const ROUNDS = 3;

/** A job that differs from the usual one in some way. */
interface Variant {
  readonly label: string;
  readonly job: Partial<Job> & Pick<Job, 'records'>;
  readonly recordBytes?: number;
}

/** A scenario that measures Leat and the raw program in several variants of the job. */
export function sideBySide(name: string, about: string, variants: readonly Variant[]): Scenario {
  return {
    name,
    about,
    isQuick: false,
    run: async (bench) => {
      const entries = variants.flatMap(({ label, job, recordBytes = 200 }) =>
        [leat, floor].map((contender): Entry => {
          const usual = { chunkSize: 100, mappers: 2, transform: 'cheap', fsync: false } as const;
          const all = { ...usual, ...job };
          return { label: `${contender.name}, ${label}`, contender, job: all, recordBytes };
        }),
      );
      const results = await interleave(bench, entries, ROUNDS);
      const pairs = variants.map(({ label }, at) => {
        const [mine, other] = results.slice(2 * at, 2 * at + 2);
        return { label, ratio: mine && other ? ratio(mine, other) : Number.NaN };
      });
      const ratios = {
        title: `${name}: leat as a share of floor`,
        head: ['', 'ratio'],
        rows: pairs.map((pair) => [pair.label, figure(pair.ratio)]),
      };
      return {
        tables: [throughputTable(name, results), ratios],
        data: { results: throughputData(results), pairs },
      };
    },
  };
}
