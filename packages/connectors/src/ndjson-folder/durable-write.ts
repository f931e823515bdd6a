import { fdatasync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const datasync = promisify(fdatasync);

/**
 * Writes all of the bytes, and waits until they are on the disk if that is wanted.
 *
 * What only changes the page cache is called without a promise, here and wherever the sink handles a
 * chunk: by way of the thread pool such a call costs several times what it does itself. A file system that
 * hangs holds up the whole process; signs of life come from a thread of their own.
 */
export async function writeDurably(fd: number, bytes: Uint8Array, fsync: boolean): Promise<void> {
  // A call may write less than it was given.
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  if (fsync) await datasync(fd);
}
