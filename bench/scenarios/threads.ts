import { availableParallelism } from 'node:os';
import { leatWith } from '../contenders/leat.ts';
import { figure } from '../measure/table.ts';
import { throughputData } from '../measure/throughput-table.ts';
import { type Entry, interleave, type Scenario } from '../scenario.ts';

const RECORDS = 20_000;
const ROUNDS = 3;

/** A map that keeps a core busy, in one mapper process. */
export const threads: Scenario = {
  name: 'threads',
  about: 'How much do worker threads bring to a map that keeps a core busy?',
  isQuick: false,
  run: async (bench) => {
    const cores = availableParallelism();
    const counts = [0, 1, 2, 4, 8].filter((count) => count <= cores);
    const entries = counts.map((count): Entry => ({
      label: count === 0 ? 'none' : `${count}`,
      contender: leatWith('burn', { LEAT_BENCH_THREADS: `${count}` }),
      job: {
        records: RECORDS,
        chunkSize: 100,
        transform: 'cheap',
        mappers: 1,
        fsync: true,
      },
    }));
    const results = await interleave(bench, entries, ROUNDS);
    const alone = results[0]?.recordsPerSecond ?? Number.NaN;
    const table = {
      title: `Worker threads on ${cores} cores`,
      head: ['threads', 'records/s', 'times as fast'],
      rows: results.map(({ entry: { label }, recordsPerSecond }) => [
        label,
        figure(recordsPerSecond),
        figure(recordsPerSecond / alone),
      ]),
    };
    return { tables: [table], data: throughputData(results) };
  },
};
