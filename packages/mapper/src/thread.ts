import { parentPort, workerData } from 'node:worker_threads';
import type { RemoteData } from './remote-worker.ts';
import { serveTasks } from './serve-tasks.ts';

// A thread cannot change its directory, and need not: its process has done so when it loaded the same file.
process.chdir = () => undefined;

await serveTasks(workerData as RemoteData, {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
  post: (message) => parentPort?.postMessage(message),
  listen: (onMessage) => parentPort?.on('message', onMessage),
});
