import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LeatCommand } from '../measure/leat-command.ts';
import { type BenchPipeline, pipelineFile } from '../measure/leat-services.ts';
import { percentile } from '../measure/statistics.ts';
import { figure } from '../measure/table.ts';
import type { Scenario } from '../scenario.ts';

const CHUNKS = 500;
const GAP_MS = 20;
/** The first chunks meet code that nobody has run before. */
const WARM_UP = 50;

/** From when the source gives a chunk until the sink has it on the disk, in `leat dev`. */
export const latency: Scenario = {
  name: 'latency',
  about: 'How long does one chunk take through an idle pipeline?',
  isQuick: true,
  run: async (bench) => {
    const found: { readonly chunkSize: number; readonly p50Ms: number; readonly p99Ms: number }[] =
      [];
    for (const chunkSize of [1, 100]) {
      const dir = join(bench.workDir, `latency-${chunkSize}`);
      await mkdir(dir);
      const task = JSON.stringify({ chunks: CHUNKS, chunkSize, gapMs: GAP_MS, dir });
      const pipeline: BenchPipeline = { name: 'latency', env: { LEAT_BENCH_LATENCY: task } };
      await new LeatCommand(['dev', pipelineFile(pipeline)], dir, pipeline.env).output();
      const all = JSON.parse(await readFile(join(dir, 'latencies.json'), 'utf8')) as number[];
      const warm = all.slice(WARM_UP);
      found.push({ chunkSize, p50Ms: percentile(warm, 0.5), p99Ms: percentile(warm, 0.99) });
    }
    const table = {
      title: 'Latency of one chunk, synced to disk',
      head: ['', 'p50 ms', 'p99 ms'],
      rows: found.map(({ chunkSize, p50Ms, p99Ms }) => [
        `${chunkSize} record${chunkSize > 1 ? 's' : ''}`,
        figure(p50Ms),
        figure(p99Ms),
      ]),
    };
    return { tables: [table], data: found };
  },
};
