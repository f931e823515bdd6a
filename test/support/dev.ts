import { join } from 'node:path';
import { readFile, writeFile } from 'node:fs/promises';
import type { RunReport } from '@leat/core';
import { expect, onTestFailed, onTestFinished } from 'vitest';
import { LET_GO_FILE } from '../fixtures/take-time.ts';
import { linesOf } from './deployment.ts';
import { type Ended, fixture, leat, type LeatProcess, spawnLeat } from './leat.ts';
import { tempDir, type TempDir } from './temp-dir.ts';

export type Params = Readonly<Record<string, unknown>>;

/** A directory in which `leat dev` is used, and the other commands after it. */
export class DevSite implements AsyncDisposable {
  readonly #file: string;
  readonly #dir: TempDir;
  readonly #processes: LeatProcess[] = [];

  private constructor(file: string, dir: TempDir) {
    this.#file = file;
    this.#dir = dir;
  }

  /** @param pipeline a file of the test fixtures */
  static async create(pipeline: string): Promise<DevSite> {
    const site = new DevSite(fixture(pipeline), await tempDir());
    onTestFailed(() => {
      for (const { stderr } of site.#processes) process.stderr.write(`dev:\n${stderr()}\n`);
    });
    // A test that runs out of time never comes to the end of its block.
    onTestFinished(() => site[Symbol.asyncDispose]());
    return site;
  }

  get dir(): string {
    return this.#dir.path;
  }

  /** Runs a `leat` command to its end. */
  leat(...args: readonly string[]): Promise<Ended> {
    return leat(args, { cwd: this.dir });
  }

  /** Starts `leat dev`. */
  dev(params: Params, ...flags: readonly string[]): LeatProcess {
    const given = Object.entries(params).flatMap(([key, value]) => ['--param', `${key}=${value}`]);
    const args = ['dev', this.#file, '--report', 'report.json', ...given, ...flags];
    const child = spawnLeat(args, { cwd: this.dir });
    this.#processes.push(child);
    return child;
  }

  /** Lets runs go on that take their time: see `takeTime` of the fixtures. */
  letGo(): Promise<void> {
    return writeFile(join(this.dir, LET_GO_FILE), '');
  }

  /** Runs `leat dev` to its end, and gives its report. */
  async run(params: Params, ...flags: readonly string[]): Promise<RunReport> {
    const { code, stderr } = await this.dev(params, ...flags).ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return JSON.parse(await readFile(join(this.dir, 'report.json'), 'utf8')) as RunReport;
  }

  /** Runs `leat verify` on a run; the file is known from `leat dev`. */
  verify(run: string): Promise<Ended> {
    return this.leat('verify', run);
  }

  /** What `leat export` writes, a value for each line. */
  async exported<T>(run: string, saver = 'files'): Promise<T[]> {
    const file = join(this.dir, `${saver}.ndjson`);
    expect(await this.leat('export', run, '--to', file, '--stage', saver)).toMatchObject({
      code: 0,
    });
    return linesOf<T>(await readFile(file, 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process_) => process_[Symbol.asyncDispose]()));
    await this.#dir[Symbol.asyncDispose]();
  }
}
