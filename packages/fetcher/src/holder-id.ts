import { randomBytes } from 'node:crypto';
import { isAlive, processSpace } from '@leat/process-lock';

/** The holders in this process: several fetchers may live in one. */
const own = new Set<string>();

/** Names this process in a lease: its host, its number, and something that no other process has. */
export function newHolderId(): string {
  const holder = `${processSpace()} ${process.pid} ${randomBytes(6).toString('hex')}`;
  own.add(holder);
  return holder;
}

/**
 * Whether the holder of a lease is known to be dead, so that nobody need wait until the lease runs out:
 * it ran on this host, and its process is gone or is now ours.
 */
export function isHolderDead(holder: string): boolean {
  const [itsSpace, itsPid] = holder.split(' ');
  if (itsSpace !== processSpace()) return false;
  const pid = Number(itsPid);
  return pid === process.pid ? !own.has(holder) : !isAlive(pid);
}
