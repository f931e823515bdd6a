import { randomUUID } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { LeatError } from '@leat/core';
import { errorCode } from './error-code.ts';
import { isAlive } from './process-alive.ts';

/**
 * Makes sure that one process at a time has a database directory open; PGlite itself does not, and two
 * would destroy it. The lock is a file beside the directory with the process id of its owner; that of a
 * dead process is taken over.
 *
 * @returns a function that gives the lock back
 * @throws LeatError `sink-unfit` if another process has it
 */
export async function lockDirectory(dir: string): Promise<() => Promise<void>> {
  const file = `${dir}.lock`;
  const mine = `${file}.${randomUUID().slice(0, 8)}`;
  await writeFile(mine, String(process.pid), { flag: 'wx' });
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        await link(mine, file);
        return () => unlink(file);
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
      }
      await removeStale(file);
    }
  } finally {
    await unlink(mine);
  }
  throw inUse(dir, 'another process');
}

/** Takes the file away before it looks, so that it cannot remove a lock that was made in between. */
async function removeStale(file: string): Promise<void> {
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner !== 0 && isAlive(owner))
    throw inUse(file.slice(0, -'.lock'.length), `process ${owner}`);
  const aside = `${file}.${randomUUID().slice(0, 8)}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const taken = Number(await readFile(aside, 'utf8'));
  if (taken !== owner) await link(aside, file).catch(() => undefined);
  await unlink(aside);
}

function inUse(dir: string, owner: string): LeatError {
  return new LeatError(
    'sink-unfit',
    `The embedded database ${dir} is in use by ${owner}. Only one process can have it open: stop the ` +
      'other, run all savers in one process (leat dev), or use the sink postgres.',
  );
}
