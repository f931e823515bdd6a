import { closeSync, mkdirSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Removed before each job. So within half a minute it is some ten thousand, as in a user's clean-up. */
const FILES = 2_000;

/**
 * Gives every contender the same used disk. ext4 does not give out an inode again for half a minute after it
 * was freed, and looks at each of these when a file is made, which costs 80 to 500 µs. A program that makes
 * files after others were removed pays for that, and users do remove what they no longer want. So as many
 * are removed before each job. All are made beforehand, when that is still cheap.
 */
export class UsedDisk {
  readonly #folders: string[];

  /** @param jobs how many will be done */
  constructor(workDir: string, jobs: number) {
    this.#folders = Array.from({ length: jobs }, (_, job) => join(workDir, `used-${job}`));
    for (const folder of this.#folders) {
      mkdirSync(folder);
      for (let file = 0; file < FILES; file++) closeSync(openSync(join(folder, `${file}`), 'w'));
    }
  }

  /** Removes files: as many before each job. */
  async use(): Promise<void> {
    const folder = this.#folders.pop();
    if (folder !== undefined) await rm(folder, { recursive: true });
  }
}
