import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isAlive, processSpace } from '@leat/process-lock';
import { errorCode } from '../sink/error-code.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A name for a session that no other has, on any host; from it others see whether its process is dead. */
export function newSession(): string {
  return `${spaceToken()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Short and without a hyphen, for names of folders. */
function spaceToken(): string {
  return createHash('sha256').update(processSpace()).digest('hex').slice(0, 8);
}

/**
 * A session's own folder for files that are not yet under their final names: `.staging/<fence>/<session>`.
 * The folders of the fences are the fence that the sink keeps: the highest counts.
 *
 * **Why a stale session cannot commit.** It commits by linking a file in its own folder, by name. The one who
 * opens under a higher fence first makes the folder of that fence, then lists the fences, and renames the
 * folders of the lower ones away, each at once with all that is in it. From then on the name that a stale
 * session links is not there (ENOENT), and never comes back: only the session itself makes its folder.
 * When it makes one, at its opening and after that error, it makes it first and then lists the fences, too.
 * Of two that both write before they read at least one sees the other: either the lower one sees the
 * higher, and stops, or the higher one sees the lower, and renames it away. A chunk whose link has found
 * its file at the very moment of the renaming is committed just before it, wholly.
 */
export class Staging {
  readonly #root: string;
  readonly #session: string;
  readonly #fence: number;
  #folder = '';
  #files = 0;

  /**
   * @param root the run's `.staging`; its own folder must be there
   * @param session as {@link newSession} makes it
   */
  constructor(root: string, session: string, fence: number) {
    this.#root = root;
    this.#session = session;
    this.#fence = fence;
  }

  /** A path for a file that is not yet under its final name. */
  newFile(): string {
    return path.join(this.#folder, String(this.#files++));
  }

  /**
   * Makes the session's folder, for the first time or after it was lost, and raises the sink's fence.
   *
   * @returns the sink's fence, if it is higher: the session must not go on
   */
  async claim(): Promise<number | undefined> {
    const mine = path.join(this.#root, String(this.#fence));
    await makeFolder(this.#root).catch((error: unknown) => this.#refuse(error));
    await makeFolder(mine);
    // Never the same name twice: what was renamed away while it was made must not come back.
    const folder = path.join(mine, `${this.#session}-${randomUUID().slice(0, 8)}`);
    await makeFolder(folder);
    const names = await readdir(this.#root);
    const highest = Math.max(...names.map(Number).filter(Number.isSafeInteger));
    if (highest > this.#fence) {
      await remove(folder);
      return highest;
    }
    for (const name of names) if (name !== String(this.#fence)) await this.#takeAway(name);
    await removeDead(mine);
    // Not before: what is under way meanwhile must not use a folder that nobody may know of.
    this.#folder = folder;
    return undefined;
  }

  async close(): Promise<void> {
    await remove(this.#folder);
  }

  /** What is saved lies beside the temporary files: where these cannot be made for want of a folder, it is gone, too. */
  #refuse(error: unknown): never {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new Error(
      `the folder ${path.dirname(this.#root)} is gone, with what was saved in it: put it back, or cancel the run and start another`,
      { cause: error },
    );
  }

  /** What is no fence was renamed by somebody who died before it was removed. */
  async #takeAway(name: string): Promise<void> {
    const old = path.join(this.#root, name);
    const aside = path.join(this.#root, `old-${randomUUID()}`);
    try {
      await rename(old, aside);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      return; // another session was quicker
    }
    await remove(aside);
  }
}

/** Not with its parents: a run's folder that was moved away must not come back empty. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/**
 * Removes the folders of sessions that were killed: those of a process of this host that is gone, and any
 * that nobody has used for a day. Should it ever hit one that is in use after all, its session makes
 * another.
 */
async function removeDead(folder: string): Promise<void> {
  const here = spaceToken();
  for (const name of await readdir(folder)) {
    const [host = '', pid = ''] = name.split('-');
    const session = path.join(folder, name);
    const isDead =
      (host === here && !isAlive(Number(pid))) ||
      (await stat(session).then(
        ({ mtimeMs }) => Date.now() - mtimeMs > DAY_MS,
        () => false,
      ));
    if (isDead) await remove(session);
  }
}

/** Left-overs that cannot be removed now are removed by who comes next. */
async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}
