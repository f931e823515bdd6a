import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from './job.ts';

/** Most chunks in one write; Leat's savers commit as many at once. */
const MAX_GROUP = 32;

interface Waiting {
  readonly body: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One file of this process that chunks are appended to. Those that come while a write is under way go together. */
export class Output {
  readonly #file: Promise<FileHandle>;
  readonly #fsync: boolean;
  readonly #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(job: Job) {
    mkdirSync(join(job.dir, 'out'), { recursive: true });
    this.#file = open(join(job.dir, 'out', `${process.pid}-all.ndjson`), 'a');
    this.#fsync = job.fsync;
  }

  /** Resolves when the chunk is written; and on the disk, if the job wants that. */
  append(body: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ body, resolve, reject });
      if (!this.#isWriting) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    await Promise.resolve();
    const file = await this.#file;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      try {
        await file.writev(group.map(({ body }) => body));
        if (this.#fsync) await file.datasync();
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isWriting = false;
  }
}

/** Tells when every chunk of a job has been saved once. */
export class Saved {
  readonly #ids = new Set<number>();
  readonly #total: number;
  #onAll: () => void = () => undefined;
  readonly all: Promise<void> = new Promise((resolve) => {
    this.#onAll = resolve;
  });

  constructor({ records, chunkSize }: Job) {
    this.#total = Math.ceil(records / chunkSize);
  }

  add(chunk: number): void {
    this.#ids.add(chunk);
    if (this.#ids.size === this.#total) this.#onAll();
  }
}
