import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The holders in this process: several fetchers may live in one. */
const own = new Set<string>();

/**
 * Names this process in a lease: host, process number, and something that no other process has. The
 * host includes the process namespace where there is one, because two containers may share a name.
 */
export function newHolderId(): string {
  const holder = `${host()} ${process.pid} ${randomBytes(6).toString('hex')}`;
  own.add(holder);
  return holder;
}

/**
 * Whether the holder of a lease is known to be dead, so that nobody need wait until the lease runs out:
 * it ran on this host, and its process is gone or is now ours.
 */
export function isHolderDead(holder: string): boolean {
  const [itsHost, itsPid] = holder.split(' ');
  if (itsHost !== host()) return false;
  const pid = Number(itsPid);
  if (pid === process.pid) return !own.has(holder);
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function host(): string {
  let namespace = '';
  try {
    namespace = `/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // Not Linux: the name has to do.
  }
  return `${hostname()}${namespace}`.replaceAll(' ', '_');
}
