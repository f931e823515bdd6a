import type { Job, JobResult } from './job.ts';
import { type RemoteData, remoteWorker } from './remote-worker.ts';

/** What the process answers: that it is ready, or what a chunk became. */
export type QuarantineAnswer = { readonly ready: true } | { readonly result: JobResult };

const never = new AbortController();

process.once('message', (data) => void start(data as RemoteData));
process.once('disconnect', () => process.exit());

async function start(data: RemoteData): Promise<void> {
  const worker = await remoteWorker(data);
  process.on('message', (job) => {
    void worker.work(job as Job, never.signal).then((result) => answer({ result }));
  });
  answer({ ready: true });
}

function answer(message: QuarantineAnswer): void {
  process.send?.(message);
}
