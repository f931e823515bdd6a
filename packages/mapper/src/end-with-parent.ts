import { workerData } from 'node:worker_threads';

/** How often it is looked whether the parent is there. */
const LOOK_MS = 1_000;

// In a thread: a process whose main thread never yields does not hear that it was left.
setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
