import { fork } from 'node:child_process';
import { messageOf } from '@leat/core';
import { fromStart } from '@leat/sdk';
import type { HelperEvents, HelperLine, OpenLine } from './helper.ts';
import type { RemoteData } from './remote-worker.ts';

/** A process that has closed its channel cannot answer any more; so long it may take to end by itself. */
const CLOSED_MS = 1_000;

/** A helper in a process of its own. */
export function inProcess(data: RemoteData): OpenLine {
  return ({ onMessage, onEnd }: HelperEvents): HelperLine => {
    const child = fork(new URL('./quarantine-process.js', import.meta.url), {
      // Where the file that it loads, and what that names, was looked for the first time.
      cwd: fromStart(''),
      serialization: 'advanced',
      // What user code prints must not end up among our own results.
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const kill = (): void => void child.kill('SIGKILL');
    // What cannot be sent is told of by the end of the process.
    const send = (message: object): void => void child.send(message, () => undefined);
    let closed: NodeJS.Timeout | undefined;
    child
      .on('message', onMessage)
      .on('disconnect', () => (closed = setTimeout(kill, CLOSED_MS)))
      .on('error', (error) => onEnd(messageOf(error)))
      .on('exit', (code, killedBy) => {
        clearTimeout(closed);
        onEnd(killedBy ?? `exit code ${String(code)}`);
      });
    send(data);
    return {
      send,
      end: () => {
        kill();
        return Promise.resolve();
      },
    };
  };
}
