import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { leatWith } from '../contenders/leat.ts';
import { LeatCommand } from '../measure/leat-command.ts';
import { type BenchPipeline, pipelineFile } from '../measure/leat-services.ts';
import { percentile } from '../measure/statistics.ts';
import { figure } from '../measure/table.ts';
import { throughputData } from '../measure/throughput-table.ts';
import { type Bench, cpuRatio, type Entry, interleave, type Scenario } from '../scenario.ts';

const RECORDS = 200_000;
const ROUNDS = 3;
const CHUNKS = 100;
/** The first chunks meet code that nobody has run before. */
const WARM_UP = 20;
const SHAPES = ['row', 'join'] as const;
type Shape = (typeof SHAPES)[number];
const TITLES: Readonly<Record<Shape, string>> = {
  row: 'one after the other',
  join: 'side by side, and a join',
};

/** Three stages in a row beside two branches and a join: as many executions of as many functions. */
export const joins: Scenario = {
  name: 'joins',
  about: 'What does a join cost, and how long do two branches of 50 ms take?',
  isQuick: false,
  run: async (bench) => {
    const entries = SHAPES.map((shape): Entry => ({
      label: TITLES[shape],
      contender: leatWith('graph', { LEAT_BENCH_GRAPH: shape }),
      job: { records: RECORDS, chunkSize: 100, transform: 'cheap', mappers: 1, fsync: false },
    }));
    const results = await interleave(bench, entries, ROUNDS);
    const [row, joined] = results as [(typeof results)[number], (typeof results)[number]];
    const throughput = {
      title: 'Three stages, chunks of 100 records of 200 B',
      head: ['', 'records/s', 'CPU µs/record', 'CPU of the row'],
      rows: results.map((each) => [
        each.entry.label,
        figure(each.recordsPerSecond),
        figure(each.cpuPerRecord),
        figure(1 / cpuRatio(each, row)),
      ]),
    };
    const latencies = new Map<Shape, number>();
    for (const shape of SHAPES) latencies.set(shape, await latencyOf(bench, shape));
    const latency = {
      title: 'Latency of one record through two stages that take 50 ms each',
      head: ['', 'p50 ms'],
      rows: [...latencies].map(([shape, p50Ms]) => [TITLES[shape], figure(p50Ms)]),
    };
    const data = {
      throughput: throughputData([row, joined]),
      latencies: Object.fromEntries(latencies),
    };
    return { tables: [throughput, latency], data };
  },
};

/** As the scenario `latency` measures it, for chunks of one record. */
async function latencyOf({ workDir }: Bench, shape: Shape): Promise<number> {
  const dir = join(workDir, `joins-${shape}`);
  await mkdir(dir);
  const task = { chunks: CHUNKS, chunkSize: 1, gapMs: 150, dir, shape };
  const pipeline: BenchPipeline = {
    name: 'latency',
    env: { LEAT_BENCH_LATENCY: JSON.stringify(task) },
  };
  await new LeatCommand(['dev', pipelineFile(pipeline)], dir, pipeline.env).output();
  const all = JSON.parse(await readFile(join(dir, 'latencies.json'), 'utf8')) as number[];
  return percentile(all.slice(WARM_UP), 0.5);
}
