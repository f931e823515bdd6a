import { mkdtemp, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from '../contender.ts';
import type { Job } from '../job/job.ts';
import { checkOutput } from '../job/check.ts';
import { Sampler, type Usage } from './sampler.ts';
import { outputBytes, WarmUp } from './warm-up.ts';

/** A job done once. */
export interface Measurement {
  /** Those that count: without those of the warm-up. */
  readonly records: number;
  readonly seconds: number;
  readonly recordsPerSecond: number;
  /** By role; `broker` is the server with all its processes. Empty where the system does not tell. */
  readonly usage: Readonly<Record<string, Usage>>;
  /** Of all roles, in microseconds. */
  readonly cpuPerRecord: number;
  /** Records that were saved more than once. */
  readonly duplicates: number;
}

/** How much of a job does not count: all programs are warm by then, and what they read is in memory. */
const WARM_SHARE = 0.2;

/** Lets a contender do a job, and checks that every record is there. What was written is emptied. */
export async function measure(
  contender: Contender,
  job: Omit<Job, 'dir'>,
  workDir: string,
): Promise<Measurement> {
  const root = await mkdtemp(join(workDir, `${contender.name.replaceAll(/\W+/g, '-')}-`));
  const whole: Job = { ...job, dir: join(root, 'job') };
  const output = join(whole.dir, 'out');
  const sampler = new Sampler();
  const { size } = await stat(job.dataset);
  const warmUp = new WarmUp(output, WARM_SHARE * size);
  try {
    const ran = await contender.run(whole, sampler);
    sampler.stop();
    const warm = warmUp.stop();
    const span = warm === undefined ? ran : { ...ran, from: warm.at };
    const records = job.records * (1 - (warm?.bytes ?? 0) / outputBytes(output));
    const seconds = (span.until - span.from) / 1_000;
    const usage = sampler.usage(span);
    const cpuSeconds = Object.values(usage).reduce((sum, each) => sum + each.cpuSeconds, 0);
    return {
      records,
      seconds,
      recordsPerSecond: records / seconds,
      usage,
      cpuPerRecord: (cpuSeconds * 1e6) / records,
      duplicates: await checkOutput(whole),
    };
  } catch (error) {
    throw new Error(`${contender.name}: ${(error as Error).message}`, { cause: error });
  } finally {
    warmUp.stop();
    sampler.stop();
    await emptyFiles(root);
  }
}

/**
 * Gives the space back and keeps the files until the bench ends: ext4 looks at every inode that was freed
 * in the last half minute before it makes a file, which costs the next contender 80 to 300 µs for each.
 */
async function emptyFiles(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isFile()) await truncate(join(entry.parentPath, entry.name));
  }
}
