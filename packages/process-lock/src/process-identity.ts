import { readFile } from 'node:fs/promises';
import { errorCode } from './error.ts';
import { runCommand } from './run-command.ts';

/**
 * When a process was started, in whatever form the system tells it; undefined if it is not alive.
 * With the pid it names a process for good: pids are used again, in containers very soon.
 */
export async function startTime(pid: number): Promise<string | undefined> {
  if (!exists(pid)) return undefined;
  if (process.platform === 'linux') return linuxStartTime(pid);
  if (process.platform === 'win32') return '';
  try {
    const output = await runCommand('ps', ['-o', 'lstart=', '-p', String(pid)], {
      timeoutMs: 5_000,
    });
    return output.trim();
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user may not be signalled, but is there.
    return errorCode(error) === 'EPERM';
  }
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
