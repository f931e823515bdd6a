import { continueTrace } from '@leat/runtime';
import { workerData } from 'piscina';
import type { JobResult, RemoteJob } from './job.ts';
import { type RemoteData, remoteWorker } from './remote-worker.ts';
import { wantedUntil } from './watch.ts';
import { WorkClock } from './work-clock.ts';

/** What a thread is given: a chunk, and where its clock is to stand. */
export interface ThreadTask {
  readonly job: RemoteJob;
  readonly clock: SharedArrayBuffer;
}

// A thread cannot change its directory, and need not: its process has done so when it loaded the same file.
process.chdir = () => undefined;

const work = await remoteWorker(workerData as RemoteData);

/** Entry point of the thread pool. A chunk is never aborted here; its thread is ended. */
export default function workOn({ job, clock }: ThreadTask): Promise<JobResult> {
  return continueTrace(job.trace, () =>
    work(job, wantedUntil(new AbortController().signal), new WorkClock(clock)),
  );
}
