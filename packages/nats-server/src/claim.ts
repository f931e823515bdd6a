import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { startTime } from './process-identity.ts';

/** Who holds a claim. The start time tells a process from a later one with the same pid. */
export interface Holder {
  readonly pid: number;
  readonly started: string;
}

/**
 * Writes a pid file for `pid`, unless a living process has one there. Gives the holder that stands in
 * the way, or undefined once the claim is ours. Claims of the dead are taken over.
 */
export async function claim(path: string, pid: number): Promise<Holder | undefined> {
  const mine = `${path}.${randomUUID()}`;
  await writeFile(mine, JSON.stringify({ pid, started: (await startTime(pid)) ?? '' }));
  try {
    for (;;) {
      // A hard link appears with its content or not at all, and fails if the name is taken.
      if (await linked(mine, path)) return undefined;
      const text = await contentOf(path);
      if (text === undefined) continue;
      const holder = parseHolder(text);
      if (holder !== undefined && (await startTime(holder.pid)) === holder.started) return holder;
      await discard(path, text);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/** Removes a claim of a dead process, and only that one: another may have taken over meanwhile. */
async function discard(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await contentOf(aside)) !== stale) await linked(aside, path);
  await rm(aside, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null;
    if (typeof value?.pid !== 'number' || typeof value.started !== 'string') return undefined;
    return { pid: value.pid, started: value.started };
  } catch {
    return undefined;
  }
}
