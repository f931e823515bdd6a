import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from '../contender.ts';
import type { Job, Span } from '../job/job.ts';
import { LeatCommand } from '../measure/leat-command.ts';
import { type BenchPipeline, LeatServices, pipelineFile } from '../measure/leat-services.ts';
import type { Sampler } from '../measure/sampler.ts';

/** What is read of a report; see docs/report.md. */
interface Report {
  readonly state: string;
  readonly startedAt: string;
  readonly endedAt: string;
}

type Role = 'fetcher' | 'mapper' | 'saver';

const about =
  'JetStream on file, synced every second; the leat command, the sink ndjson (a file for each commit, a journal of receipts)';

/**
 * Leat with a pipeline that does the job, perhaps in a way of its own.
 *
 * @param isInline whether its saver is inline
 */
export function leatWith(
  name: BenchPipeline['name'],
  env: Readonly<Record<string, string>> = {},
  isInline = false,
): Contender {
  const pipeline = (job: Job): BenchPipeline => ({
    name,
    env: { ...env, LEAT_BENCH_JOB: JSON.stringify(job) },
  });
  return {
    name: 'leat',
    about: isInline ? `${about}; the saver is inline` : about,
    run: (job, sampler) => apart(pipeline(job), job, isInline ? [] : ['saver'], sampler),
  };
}

export const leat: Contender = leatWith('job');

export const leatInline: Contender = leatWith('job', { LEAT_BENCH_INLINE: 'yes' }, true);

export const leatDev: Contender = { name: 'leat dev', about, run: together };

/** `leat mapper`, `leat saver` and `leat fetcher`, as processes of their own; inline, mappers save. */
async function apart(
  pipeline: BenchPipeline,
  job: Job,
  savers: readonly 'saver'[],
  sampler: Sampler,
): Promise<Span> {
  await using services = await LeatServices.over(pipeline, job.dir);
  sampler.watch('broker', services.broker.pid);
  const mappers = Array.from({ length: job.mappers }, () => 'mapper' as const);
  const started = [...savers, ...mappers].map((role: Role) => ({
    role,
    service: services.service(role),
  }));
  const fetcher = services.service('fetcher');
  started.push({ role: 'fetcher', service: fetcher });
  // All are there before the run is, as with the others: the start of a process counts for nobody.
  for (const { service } of started) await service.hasSaid('service ready');
  for (const { role, service } of started) sampler.watch(role, service.pid);
  const run = await services.startRun();
  await fetcher.hasSaid('run ended');
  sampler.sample();
  return spanOf((await services.status(run)) as Report);
}

/** `leat dev`: all in one process, over a NATS server of its own. */
async function together(job: Job, sampler: Sampler): Promise<Span> {
  await mkdir(job.dir, { recursive: true });
  const pipeline: BenchPipeline = { name: 'job', env: { LEAT_BENCH_JOB: JSON.stringify(job) } };
  const report = join(job.dir, 'report.json');
  const flags = ['--report', report, '--state-dir', join(job.dir, 'nats'), '--keep'];
  const mappers = ['--mappers', `${job.mappers}`];
  const args = ['dev', pipelineFile(pipeline), ...flags, ...mappers];
  const dev = new LeatCommand(args, job.dir, pipeline.env);
  try {
    sampler.watch('all', dev.pid);
    await dev.hasSaid('NATS stays up');
    sampler.sample();
    return spanOf(JSON.parse(await readFile(report, 'utf8')) as Report);
  } finally {
    await dev.stop();
  }
}

function spanOf({ state, startedAt, endedAt }: Report): Span {
  if (state !== 'completed') throw new Error(`the run ended as ${state}`);
  return { from: Date.parse(startedAt), until: Date.parse(endedAt) };
}
