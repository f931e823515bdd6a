import type { Job } from '../job/job.ts';

/** What the bench wants of a pipeline: its files are loaded by the leat command, in other processes. */
export function jobFromEnvironment(): Job {
  return JSON.parse(process.env['LEAT_BENCH_JOB'] ?? '{}') as Job;
}
