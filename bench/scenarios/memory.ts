import { leat } from '../contenders/leat.ts';
import { figure } from '../measure/table.ts';
import { throughputData } from '../measure/throughput-table.ts';
import { interleave, type Scenario } from '../scenario.ts';

const RECORDS = 5_000_000;

/** Whether a process grows with the dataset. */
export const memory: Scenario = {
  name: 'memory',
  about: `How much memory does each role take over ${RECORDS.toLocaleString('en')} records?`,
  isQuick: false,
  run: async (bench) => {
    const job = {
      records: RECORDS,
      chunkSize: 100,
      transform: 'cheap',
      mappers: 1,
      fsync: false,
    } as const;
    const results = await interleave(bench, [{ label: 'leat', contender: leat, job }], 1);
    const usage = results[0]?.rounds[0]?.usage ?? {};
    const table = {
      title: 'Resident memory in MiB, in the course of the run',
      head: ['', 'at 25 %', 'at 50 %', 'at 75 %', 'at 100 %', 'peak'],
      rows: Object.entries(usage).map(([role, { quartersMib, peakMib }]) =>
        [role].concat([...quartersMib, peakMib].map(figure)),
      ),
    };
    return { tables: [table], data: throughputData(results) };
  },
};
