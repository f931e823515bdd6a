import { fdatasync, writevSync } from 'node:fs';
import { promisify } from 'node:util';

/** Most buffers in one call: what the system takes. */
const BUFFERS_AT_ONCE = 1024;

/**
 * Writes all of the bytes, and waits until they are on the disk if that is wanted.
 *
 * What only changes the page cache is called without a promise, here and wherever the sink handles a
 * chunk: by way of the thread pool such a call costs several times what it does itself. A file system that
 * hangs holds up the whole process; signs of life come from a thread of their own.
 */
export async function writeDurably(
  fd: number,
  parts: readonly Uint8Array[],
  fsync: boolean,
): Promise<void> {
  writeAll(fd, parts);
  if (fsync) await promisify(fdatasync)(fd);
}

/** A call may write less than it was given. */
function writeAll(fd: number, parts: readonly Uint8Array[]): void {
  let rest = parts.filter(({ length }) => length > 0);
  while (rest.length > 0) {
    let written = writevSync(fd, rest.slice(0, BUFFERS_AT_ONCE));
    let whole = 0;
    while (whole < rest.length && written >= (rest[whole] as Uint8Array).length) {
      written -= (rest[whole++] as Uint8Array).length;
    }
    rest = rest.slice(whole);
    if (written > 0) rest[0] = (rest[0] as Uint8Array).subarray(written);
  }
}
