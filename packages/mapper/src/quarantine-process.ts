import { Worker } from 'node:worker_threads';
import type { RemoteData } from './remote-worker.ts';
import { serveTasks } from './serve-tasks.ts';

process.once('message', (data) => {
  void serveTasks(data as RemoteData, {
    // The parent may have gone, with its end of the channel: nobody wants the answer then.
    post: (message) => process.connected && process.send?.(message),
    listen: (onMessage) => process.on('message', onMessage),
  });
});
new Worker(new URL('./end-with-parent.js', import.meta.url), { workerData: process.ppid }).unref();
