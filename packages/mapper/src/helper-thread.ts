import { Worker } from 'node:worker_threads';
import { messageOf } from '@leat/core';
import type { HelperEvents, HelperLine, OpenLine } from './helper.ts';
import type { RemoteData } from './remote-worker.ts';

/** A helper in a thread of this process. */
export function inThread(data: RemoteData): OpenLine {
  return ({ onMessage, onEnd }: HelperEvents): HelperLine => {
    const thread = new Worker(new URL('./thread.js', import.meta.url), { workerData: data });
    thread
      .on('message', onMessage)
      .on('messageerror', (error) => onEnd(messageOf(error)))
      .on('error', (error) => onEnd(messageOf(error)))
      .on('exit', (code) => onEnd(`exit code ${code}`));
    return {
      send: (message, handedOver = []) => thread.postMessage(message, [...handedOver]),
      end: async () => {
        await thread.terminate();
      },
    };
  };
}
