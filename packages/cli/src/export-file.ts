import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline as pump } from 'node:stream/promises';
import { LeatError, messageOf } from '@leat/core';
import { fromStart } from '@leat/sdk';

/** What the system calls a process's own open files. They may have something that is to stay. */
const DESCRIPTOR = /^\/(?:dev\/(?:fd\/|std)|proc\/)/;

/**
 * Writes a file that is there under its own name only when it is whole, and else not at all. A symbolic link stays,
 * and its target is replaced. A pipe or a device is written into, as a shell would.
 *
 * @param untilStopped says when to give up a file that is not whole. Not asked for a pipe or a device, where a signal
 * is to end the process as ever: to open a pipe waits for its reader, and cannot be given up.
 * @throws LeatError `invalid-configuration` if it cannot be written, or the reason of the signal
 */
export async function exportTo(
  to: string,
  bodies: AsyncIterable<Uint8Array>,
  untilStopped: () => AbortSignal,
): Promise<void> {
  const path = fromStart(to);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined ? await isThere(path) : found.isDirectory() || found.isBlockDevice()) {
    throw refusal(to, `it is ${kindOf(found)}`);
  }
  const isPassage = found !== undefined && !found.isFile();
  if (isPassage || DESCRIPTOR.test(path)) return send(bodies, await opened(to, path, 'a'));
  const target = found === undefined ? path : await realpath(path);
  const partial = `${target}.${process.pid}.partial`;
  try {
    const signal = untilStopped();
    await send(bodies, await opened(to, partial, 'wx', found), signal);
    signal.throwIfAborted();
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw isOfWriting(error) ? refusal(to, messageOf(error), error) : error;
  }
}

/** Whether the system could not write, for want of room most likely. */
function isOfWriting(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'write';
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function kindOf(found: Stats | undefined): string {
  if (found === undefined) return 'a symbolic link that leads nowhere';
  return found.isDirectory() ? 'a directory' : 'a block device';
}

/** @param like the file that it takes the place of: its readers are to stay the same */
async function opened(to: string, path: string, flags: string, like?: Stats): Promise<FileHandle> {
  try {
    const handle = await open(path, flags);
    if (like !== undefined) await handle.chmod(like.mode & 0o777);
    return handle;
  } catch (error) {
    throw refusal(to, messageOf(error), error);
  }
}

async function send(
  bodies: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  signal?: AbortSignal,
): Promise<void> {
  const source = Readable.from(bodies, { objectMode: false });
  await pump(source, handle.createWriteStream(), signal === undefined ? {} : { signal });
}

function refusal(to: string, why: string, cause?: unknown): LeatError {
  return new LeatError(
    'invalid-configuration',
    `--to: ${to} cannot be written (${why}): name a file, pipe or device that can be written to, where there is room.`,
    { cause },
  );
}
