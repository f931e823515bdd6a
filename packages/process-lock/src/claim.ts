import { constants, copyFile, link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from './error-code.ts';
import { startTime } from './process-identity.ts';

const RETRY_MS = 10;
const ABANDONED_MS = 10_000;

/** Who holds a claim. */
export interface Holder {
  readonly pid: number;
  /** When the process was started: tells it from a later one with the same pid. */
  readonly started: string;
  /** Where the process runs. A claim with a host is taken over on that host only. */
  readonly host?: string;
}

/**
 * Writes a lock file for a process, unless a living one has its lock there. A lock of a dead process is
 * taken over, by exactly one of many that try.
 *
 * @param path in a folder that is there
 * @param claimant without `host`, the lock is for processes of one host: any other holder counts as dead
 * @returns the holder that has the lock, or undefined once it is ours; whoever has it removes the file
 */
export async function claim(
  path: string,
  claimant: Pick<Holder, 'pid' | 'host'>,
): Promise<Holder | undefined> {
  const mine = `${path}.${randomUUID()}`;
  const started = (await startTime(claimant.pid)) ?? '';
  await writeFile(mine, JSON.stringify({ ...claimant, started }));
  try {
    for (;;) {
      // A hard link appears with its content or not at all, and fails if the name is taken.
      if (await linked(mine, path)) return undefined;
      const text = await contentOf(path);
      if (text === undefined) continue;
      const holder = parseHolder(text);
      if (holder !== undefined && (await holds(holder, claimant.host))) return holder;
      await discard(path, text);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function holds({ pid, started, host }: Holder, here: string | undefined): Promise<boolean> {
  if (host !== undefined && host !== here) return true;
  return (await startTime(pid)) === started;
}

/**
 * Removes a claim of a dead process, and only that one. The one who removes must be alone from the second
 * look on: otherwise a slow remover takes away the claim of one who has taken over meanwhile.
 */
async function discard(path: string, stale: string): Promise<void> {
  const alone = `${path}.takeover`;
  try {
    await writeFile(alone, '', { flag: 'wx' });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    await delay(RETRY_MS);
    const since = (await stat(alone).catch(() => undefined))?.mtimeMs ?? Date.now();
    // A takeover lasts for milliseconds: this one's process has died in the middle of it.
    if (Date.now() - since > ABANDONED_MS) await rm(alone, { force: true });
    return;
  }
  try {
    if ((await contentOf(path)) === stale) await rm(path, { force: true });
  } finally {
    await rm(alone, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to).catch(async (error: unknown) => {
      if (errorCode(error) === 'EEXIST') throw error;
      // Not every file system has hard links; an exclusive copy is nearly as good.
      await copyFile(from, to, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  // As PGlite's lock was written up to version 0.1: pid, start time and host.
  const [, pid, started, host] = /^(\d+) (\S*) (.+)$/s.exec(text) ?? [];
  if (pid !== undefined) return { pid: Number(pid), started: started ?? '', host: host ?? '' };
  try {
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  if (!('pid' in value) || !('started' in value)) return false;
  if ('host' in value && typeof value.host !== 'string') return false;
  return typeof value.pid === 'number' && typeof value.started === 'string';
}
