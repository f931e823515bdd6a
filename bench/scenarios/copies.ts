import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startServers } from '../brokers/nats-cluster.ts';
import { dataset } from '../job/dataset.ts';
import type { Job } from '../job/job.ts';
import { LeatServices } from '../measure/leat-services.ts';
import { Sampler } from '../measure/sampler.ts';
import { figure } from '../measure/table.ts';
import type { Bench, Scenario } from '../scenario.ts';

const RECORDS = 500_000;
const ROLES = ['broker', 'fetcher', 'mapper', 'saver'] as const;

interface Measured {
  readonly label: string;
  readonly chunksPerSecond: number;
  /** Of all processes of a role, for each chunk. */
  readonly cpuMicros: Readonly<Record<(typeof ROLES)[number], number>>;
  /** Bytes for each chunk. */
  readonly clients: number;
  readonly routes: number;
  readonly disk: number;
}

/** What `docs/scale.md` reckons with. */
export const copies: Scenario = {
  name: 'copies',
  about: 'What does a chunk cost the broker, with one copy of each stream and with three?',
  isQuick: false,
  run: async (bench) => {
    const found: Measured[] = [];
    for (const chunkSize of [100, 1_000]) {
      for (const count of [1, 3]) {
        found.push(await measureCopies(bench, count, chunkSize));
        bench.log(`${found.at(-1)?.label}: ${figure(found.at(-1)?.chunksPerSecond ?? 0)} chunks/s`);
      }
    }
    const table = {
      title: 'One chunk through fetcher, mapper and saver, records of 200 B',
      head: ['', 'chunks/s', ...ROLES.map((role) => `${role}, CPU µs`)].concat(
        'bytes from and to clients',
        'among servers',
        'written to disk by servers',
      ),
      rows: found.map(({ label, chunksPerSecond, cpuMicros, clients, routes, disk }) =>
        [label].concat(
          [chunksPerSecond, ...ROLES.map((role) => cpuMicros[role]), clients, routes, disk].map(
            figure,
          ),
        ),
      ),
    };
    return { tables: [table], data: found };
  },
};

async function measureCopies(bench: Bench, count: number, chunkSize: number): Promise<Measured> {
  const dir = join(bench.workDir, `copies-${count}-${chunkSize}`);
  const job: Job = {
    dataset: await dataset(bench.workDir, RECORDS, 200),
    records: RECORDS,
    chunkSize,
    transform: 'cheap',
    mappers: 1,
    dir,
    fsync: false,
  };
  const env = { LEAT_BENCH_JOB: JSON.stringify(job), LEAT_STREAM_REPLICAS: `${count}` };
  const start = (): ReturnType<typeof startServers> => startServers(dir, count);
  await using services = await LeatServices.over({ name: 'job', env }, dir, start);
  const { broker } = services;
  const mapper = services.service('mapper');
  const saver = services.service('saver');
  for (const service of [mapper, saver]) await service.hasSaid('service ready');
  const run = await services.startRun();
  const sampler = new Sampler();
  for (const pid of broker.pids) sampler.watch('broker', pid);
  sampler.watch('mapper', mapper.pid);
  sampler.watch('saver', saver.pid);
  const before = { ...(await broker.traffic()), disk: await writtenBy(broker.pids) };
  const fetcher = services.service('fetcher', '--once');
  sampler.watch('fetcher', fetcher.pid);
  await fetcher.output();
  sampler.stop();
  sampler.sample();
  const after = { ...(await broker.traffic()), disk: await writtenBy(broker.pids) };
  const report = (await services.status(run)) as { startedAt: string; endedAt: string };
  const span = { from: Date.parse(report.startedAt), until: Date.parse(report.endedAt) };
  const usage = sampler.usage(span);
  const chunks = RECORDS / chunkSize;
  const cpu = (role: string): number => ((usage[role]?.cpuSeconds ?? Number.NaN) * 1e6) / chunks;
  return {
    label: `${count > 1 ? `${count} copies` : '1 copy'}, chunks of ${chunkSize}`,
    chunksPerSecond: (chunks * 1_000) / (span.until - span.from),
    cpuMicros: {
      broker: cpu('broker'),
      fetcher: cpu('fetcher'),
      mapper: cpu('mapper'),
      saver: cpu('saver'),
    },
    clients: (after.clients - before.clients) / chunks,
    routes: (after.routes - before.routes) / chunks,
    disk: (after.disk - before.disk) / chunks,
  };
}

/** What processes have caused to be written, as /proc counts it; `NaN` where the system does not count it. */
async function writtenBy(pids: readonly number[]): Promise<number> {
  let bytes = 0;
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/io`, 'latin1').catch(() => '');
    bytes += Number(/^write_bytes: (\d+)/m.exec(text)?.[1] ?? Number.NaN);
  }
  return bytes;
}
