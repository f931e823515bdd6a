import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNats } from '../brokers/nats.ts';
import type { Contender } from '../contender.ts';
import type { Job, Span } from '../job/job.ts';
import { LeatCommand } from '../measure/leat-command.ts';
import type { Sampler } from '../measure/sampler.ts';

const PIPELINE = fileURLToPath(new URL('../pipelines/job.js', import.meta.url));

/** What is read of a report; see docs/report.md. */
interface Report {
  readonly state: string;
  readonly startedAt: string;
  readonly endedAt: string;
}

const about =
  'JetStream on file, synced every second; the leat command, the sink ndjson (a file for each chunk, a journal of receipts)';

export const leat: Contender = { name: 'leat', about, run: apart };

export const leatDev: Contender = { name: 'leat dev', about, run: together };

/** `leat mapper`, `leat saver` and `leat fetcher`, as processes of their own. */
async function apart(job: Job, sampler: Sampler): Promise<Span> {
  await mkdir(job.dir, { recursive: true });
  const broker = await startNats(job.dir);
  const env = { NATS_URL: broker.url, LEAT_BENCH_JOB: JSON.stringify(job) };
  const commands: LeatCommand[] = [];
  const start = (...args: readonly string[]): LeatCommand => {
    const command = new LeatCommand(args, job.dir, env);
    commands.push(command);
    return command;
  };
  try {
    sampler.watch('broker', broker.pid);
    const saver = start('saver', PIPELINE);
    const mappers = Array.from({ length: job.mappers }, () => start('mapper', PIPELINE));
    for (const service of [saver, ...mappers]) await service.hasSaid('service ready');
    sampler.watch('saver', saver.pid);
    for (const { pid } of mappers) sampler.watch('mapper', pid);
    const run = (await start('start', PIPELINE).output()).trim();
    const fetcher = start('fetcher', PIPELINE, '--once');
    sampler.watch('fetcher', fetcher.pid);
    await fetcher.output();
    sampler.sample();
    return spanOf(JSON.parse(await start('status', run, '--json').output()) as Report);
  } finally {
    await Promise.all(commands.map((command) => command.kill()));
    await broker.stop();
  }
}

/** `leat dev`: all in one process, over a NATS server of its own. */
async function together(job: Job, sampler: Sampler): Promise<Span> {
  await mkdir(job.dir, { recursive: true });
  const report = join(job.dir, 'report.json');
  const args = ['--report', report, '--state-dir', join(job.dir, 'nats'), '--keep'];
  const mappers = ['--mappers', `${job.mappers}`];
  const env = { LEAT_BENCH_JOB: JSON.stringify(job) };
  const dev = new LeatCommand(['dev', PIPELINE, ...args, ...mappers], job.dir, env);
  try {
    sampler.watch('all', dev.pid);
    await dev.hasSaid('NATS stays up');
    sampler.sample();
    if (!existsSync(report)) throw new Error('leat dev wrote no report');
    return spanOf(JSON.parse(await readFile(report, 'utf8')) as Report);
  } finally {
    await dev.stop();
  }
}

function spanOf({ state, startedAt, endedAt }: Report): Span {
  if (state !== 'completed') throw new Error(`the run ended as ${state}`);
  return { from: Date.parse(startedAt), until: Date.parse(endedAt) };
}
