import { Worker } from 'node:worker_threads';
import { continueTrace } from '@leat/runtime';
import type { JobResult, RemoteJob } from './job.ts';
import { type RemoteData, remoteWorker } from './remote-worker.ts';
import { wantedUntil } from './watch.ts';
import { WorkClock } from './work-clock.ts';

/** What the process says: that it is ready, what a chunk's clock has come to, or what it became. */
export type QuarantineAnswer =
  | { readonly ready: true }
  | { readonly clock: bigint }
  | { readonly result: JobResult };

process.once('message', (data) => void start(data as RemoteData));
new Worker(new URL('./end-with-parent.js', import.meta.url), { workerData: process.ppid }).unref();

async function start(data: RemoteData): Promise<void> {
  const work = await remoteWorker(data);
  process.on('message', (message) => {
    const job = message as RemoteJob;
    const clock = new WorkClock(undefined, (state) => answer({ clock: state }));
    // Nobody aborts it: the process is killed.
    const wanted = wantedUntil(new AbortController().signal);
    void continueTrace(job.trace, () => work(job, wanted, clock)).then((result) =>
      answer({ result }),
    );
  });
  answer({ ready: true });
}

function answer(message: QuarantineAnswer): void {
  process.send?.(message);
}
