import { workerData } from 'piscina';
import type { Job, JobResult } from './job.ts';
import { type RemoteData, remoteWorker } from './remote-worker.ts';

const worker = await remoteWorker(workerData as RemoteData);
const never = new AbortController();

/** Entry point of the thread pool. */
export default function work(job: Job): Promise<JobResult> {
  return worker.work(job, never.signal);
}
