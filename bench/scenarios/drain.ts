import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Job } from '../job/job.ts';
import { dataset } from '../job/dataset.ts';
import { LeatServices } from '../measure/leat-services.ts';
import { median, spread } from '../measure/statistics.ts';
import { figure, percent } from '../measure/table.ts';
import type { Bench, Scenario } from '../scenario.ts';

const RECORDS = 1_000_000;
const ROLES = ['mapper', 'saver', 'fetcher'] as const;
/** How many commits have left a file when the signal comes, of 300 at the least: the pipeline is in full swing. */
const SAVED_BEFORE = 100;
const POLL_MS = 20;

/** From SIGTERM to the end of the process, while there is work for everybody. */
export const drain: Scenario = {
  name: 'drain',
  about: 'How long does a service take to finish what it holds, when it is asked to stop?',
  isQuick: true,
  run: async (bench) => {
    const rounds = bench.isQuick ? 1 : 5;
    const drainMs: Record<string, number[]> = {};
    for (let round = 0; round < rounds; round++) {
      for (const role of ROLES) (drainMs[role] ??= []).push(await drainOnce(bench, role, round));
    }
    const table = {
      title: 'From SIGTERM to the end of the process',
      head: ['', 'ms', 'spread'],
      rows: Object.entries(drainMs).map(([role, all]) => [
        role,
        figure(median(all)),
        percent(spread(all)),
      ]),
    };
    return { tables: [table], data: drainMs };
  },
};

async function drainOnce(
  bench: Bench,
  role: (typeof ROLES)[number],
  round: number,
): Promise<number> {
  const job: Job = {
    dataset: await dataset(bench.workDir, RECORDS, 200),
    records: RECORDS,
    chunkSize: 100,
    transform: 'cheap',
    mappers: 1,
    dir: join(bench.workDir, `drain-${role}-${round}`),
    fsync: true,
  };
  const env = { LEAT_BENCH_JOB: JSON.stringify(job) };
  await using services = await LeatServices.over({ name: 'job', env }, job.dir);
  const run = await services.startRun();
  const hosts = {
    saver: services.service('saver'),
    mapper: services.service('mapper'),
    fetcher: services.service('fetcher'),
  };
  const folder = join(job.dir, 'out', run);
  while ((await readdir(folder).catch(() => [])).length < SAVED_BEFORE) await wait(POLL_MS);
  const from = performance.now();
  await hosts[role].stop();
  return performance.now() - from;
}
