import { unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { LeatError } from '@leat/core';
import { claim } from '@leat/process-lock';

/**
 * Makes sure that one process at a time has a database directory open; PGlite itself does not, and two
 * would destroy it. The lock is a file beside the directory that names its holder; that of a dead process
 * of this host is taken over.
 *
 * @returns a function that gives the lock back
 * @throws LeatError `sink-unfit` if another process has it
 */
export async function lockDirectory(dir: string): Promise<() => Promise<void>> {
  const file = `${dir}.lock`;
  const holder = await claim(file, { pid: process.pid, host: hostname() });
  if (holder === undefined) return () => unlink(file);
  const where = holder.host === undefined ? '' : ` on ${holder.host}`;
  throw new LeatError(
    'sink-unfit',
    `The embedded database ${dir} is in use by process ${holder.pid}${where}. Only one process can have it ` +
      'open: stop the other, run all savers in one process (leat dev), or use the sink postgres. If ' +
      `that process is gone for certain, remove ${file}.`,
  );
}
