import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

/** A pipe as a shell makes them, which holds 64 KiB, and whose reader takes its time. */
export interface UnreadPipe {
  /** The descriptor for a child process, to be closed when it is started. */
  readonly writeEnd: number;
  /** Closes the writing end of this process. */
  readonly handOver: () => void;
  /** Waits for the first bytes that somebody writes, and reads no further. */
  readonly readSome: () => Promise<string>;
  /** Reads from now on, to the end. */
  readonly readAll: () => Promise<string>;
  /** Goes away, whatever is unread. */
  readonly leave: () => void;
}

let count = 0;

/** Makes a pipe that nobody reads until its test does. */
export async function unreadPipe(dir: string): Promise<UnreadPipe> {
  const path = join(dir, `pipe-${++count}`);
  await promisify(execFile)('mkfifo', [path]);
  // The one who opens an end first would wait for the other, unless it says that it does not.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, 'w');
  // A socket reads when it is asked to; there is nothing else in Node that reads a pipe without a thread.
  const reader = new Socket({ fd: readEnd, readable: true, writable: false });
  reader.setEncoding('utf8');
  onTestFinished(() => void reader.destroy());
  return {
    writeEnd,
    handOver: () => closeSync(writeEnd),
    readSome: async () => {
      for (;;) {
        const text = reader.read() as string | null;
        if (text !== null) return text;
        await new Promise((resolve) => reader.once('readable', resolve));
      }
    },
    readAll: async () => {
      let all = '';
      for await (const text of reader) all += text as string;
      return all;
    },
    leave: () => void reader.destroy(),
  };
}
