import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { errorCode } from './error-code.ts';

const PS_TIMEOUT_MS = 5_000;

/**
 * Whether this host has a process of that number, whoever owns it. It says at once, but a zombie counts as
 * alive, and so does a later process of the same number. Where that matters, ask for its {@link startTime}.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user may not be signalled, but is there.
    return errorCode(error) === 'EPERM';
  }
}

/**
 * When a process was started, in whatever form the system says it; undefined if it is not alive.
 * With the pid it names a process for good: pids are used again, in containers very soon.
 */
export async function startTime(pid: number): Promise<string | undefined> {
  if (!isAlive(pid)) return undefined;
  if (process.platform === 'linux') return linuxStartTime(pid);
  if (process.platform === 'win32') return '';
  try {
    const options = { timeout: PS_TIMEOUT_MS };
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', `${pid}`], options);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/**
 * Names everything in which a pid is unique: the host and, on Linux, its process namespace, since two
 * containers may share a host name. It has no spaces.
 */
export function processSpace(): string {
  let namespace = '';
  try {
    namespace = `/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // Not Linux: the host has one space of pids.
  }
  return `${hostname()}${namespace}`.replaceAll(' ', '_');
}

async function linuxStartTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie is dead: containers without an init process keep them for ever.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
