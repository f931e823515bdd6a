import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

/** A directory of its own for each test file, removed in the end. */
export class TemporaryFiles {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'leat-sources-'));
  #count = 0;

  constructor() {
    afterAll(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** Writes a file under a fresh name, or under the given one, and returns its path. */
  write(content: string | Uint8Array, name: string = `file-${this.#count++}`): string {
    const path = join(this.directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  remove(name: string): void {
    rmSync(join(this.directory, name), { recursive: true, force: true });
  }

  /** How many descriptors of files in this directory are open, where the system can tell. */
  readonly openFiles = (): number => {
    try {
      return readdirSync('/proc/self/fd').filter((fd) => this.#isOurs(fd)).length;
    } catch {
      return 0;
    }
  };

  #isOurs(fd: string): boolean {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(this.directory);
    } catch {
      return false;
    }
  }
}
