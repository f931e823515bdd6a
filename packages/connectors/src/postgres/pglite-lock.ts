import { randomUUID } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { LeatError } from '@leat/core';
import { errorCode } from '../sink/error-code.ts';
import { isAlive, startOf } from '../sink/process-alive.ts';

/** How often a lock of the dead is cleared away before others are left to have it. */
const MAX_ATTEMPTS = 5;

/**
 * Makes sure that one process at a time has a database directory open; PGlite itself does not, and two
 * would destroy it. The lock is a file beside the directory that names its owner; that of a dead process
 * of this host is taken over.
 *
 * @returns a function that gives the lock back
 * @throws LeatError `sink-unfit` if another process has it
 */
export async function lockDirectory(dir: string): Promise<() => Promise<void>> {
  const file = `${dir}.lock`;
  const mine = aside(file);
  const me = `${process.pid} ${startOf(process.pid)} ${hostname()}`;
  await writeFile(mine, me, { flag: 'wx' });
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        await link(mine, file);
        return () => unlink(file);
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
      }
      const owner = await readFile(file, 'utf8').catch(() => '');
      if (isHeld(owner)) throw inUse(dir, owner);
      await removeStale(file, owner);
    }
  } finally {
    await unlink(mine);
  }
  throw inUse(dir, 'another');
}

function isHeld(owner: string): boolean {
  const [pid = '', start = '', ...host] = owner.split(' ');
  if (owner === '') return false;
  if (host.join(' ') !== hostname()) return true;
  return isAlive(Number(pid)) && startOf(Number(pid)) === start;
}

/** Takes the file away before it looks again, so as not to remove a lock that was made in between. */
async function removeStale(file: string, owner: string): Promise<void> {
  const taken = aside(file);
  try {
    await rename(file, taken);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(taken, 'utf8')) !== owner) await link(taken, file).catch(() => undefined);
  await unlink(taken);
}

function aside(file: string): string {
  return `${file}.${randomUUID().slice(0, 8)}`;
}

function inUse(dir: string, owner: string): LeatError {
  const [pid = '', , ...host] = owner.split(' ');
  const where = host.length === 0 ? '' : ` on ${host.join(' ')}`;
  return new LeatError(
    'sink-unfit',
    `The embedded database ${dir} is in use by process ${pid}${where}. Only one process can have it ` +
      'open: stop the other, run all savers in one process (leat dev), or use the sink postgres. If ' +
      `that process is gone for certain, remove ${dir}.lock.`,
  );
}
