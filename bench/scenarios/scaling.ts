import { leatWith } from '../contenders/leat.ts';
import { figure, percent } from '../measure/table.ts';
import { throughputData } from '../measure/throughput-table.ts';
import { type Entry, interleave, type Scenario } from '../scenario.ts';

const REPLICAS = [1, 2, 4, 8, 16];
const SLEEP_MS = 50;
/** The mapper's `concurrency`, by default. */
const CONCURRENCY = 16;
/** What one replica would do in a second if nothing came in between. */
const IDEAL = (CONCURRENCY * 1_000) / SLEEP_MS;
/** How long each job would take. */
const IDEAL_SECONDS = 15;

/** A map that waits for something else, as most do: replicas should add up. */
export const scaling: Scenario = {
  name: 'scaling',
  about: `How much do replicas bring when each record takes ${SLEEP_MS} ms of waiting?`,
  isQuick: false,
  run: async (bench) => {
    const contender = leatWith('sleep', { LEAT_BENCH_SLEEP_MS: `${SLEEP_MS}` });
    const entries = REPLICAS.map((mappers): Entry => ({
      label: `${mappers} replica${mappers > 1 ? 's' : ''}`,
      contender,
      job: {
        records: mappers * IDEAL * IDEAL_SECONDS,
        chunkSize: 100,
        transform: 'cheap',
        mappers,
        fsync: true,
      },
    }));
    const results = await interleave(bench, entries, 1);
    const table = {
      title: `A map that waits ${SLEEP_MS} ms for each record`,
      head: ['', 'records/s', 'ideal', 'efficiency'],
      rows: results.map(({ entry: { label, job }, recordsPerSecond }) => {
        const ideal = job.mappers * IDEAL;
        return [label, figure(recordsPerSecond), figure(ideal), percent(recordsPerSecond / ideal)];
      }),
    };
    return { tables: [table], data: throughputData(results) };
  },
};
