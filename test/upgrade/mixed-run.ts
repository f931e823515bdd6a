import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunReport } from '@leat/core';
import type { NatsServer } from '@leat/nats-server';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { leat, type Ended, type LeatProcess, spawnLeat } from '../support/leat.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { savedChunks } from '../support/saved-folder.ts';
import { tempDir, type TempDir } from '../support/temp-dir.ts';

export type Role = 'fetcher' | 'mapper' | 'saver';
export const ROLES: readonly Role[] = ['fetcher', 'mapper', 'saver'];

/** What is not mixed up: all sites of a test file share it. */
export interface Grounds {
  readonly nats: NatsServer;
  readonly postgres: TestPostgres;
}

const COUNT = 1_600;
/** Records from this one on wait until the test lets the run go on. */
const HOLD = 1_200;
/** As many as there are before them; behind them, more than the fetcher's window has room for. */
const CHUNKS_BEFORE_HOLD = 60;
/** Of both savers together: each saves what the mapper gives. */
export const BOOKS = { in: 1_600, expanded: 1_600, saved: 2_880, filtered: 160, dead: 160 };
/** When what died has succeeded the second time. */
export const MENDED_BOOKS = { in: 1_600, saved: 3_200, filtered: 160, dead: 0 };
const LOOK_MS = 100;

/** One record of the pipeline's sinks. */
interface Saved {
  readonly n: number;
  readonly part: number;
}

/** What the pipeline makes of a number: see `pipeline.ts`. */
function resultsOf(n: number, isMended: boolean): Saved[] {
  if (n % 10 === 3 || (n % 10 === 7 && !isMended)) return [];
  return n % 10 === 5
    ? [
        { n, part: 0 },
        { n, part: 1 },
      ]
    : [{ n, part: 0 }];
}

/** One run of the pipeline, under services of several builds of Leat. */
export class MixedRun implements AsyncDisposable {
  readonly #grounds: Grounds;
  readonly #name: string;
  readonly #dir: TempDir;
  readonly #env: Readonly<Record<string, string>>;
  readonly #services = new Map<Role, LeatProcess>();
  readonly #replaced: LeatProcess[] = [];
  readonly #files = new Map<string, Promise<string>>();

  private constructor(grounds: Grounds, name: string, dir: TempDir) {
    this.#grounds = grounds;
    this.#name = name;
    this.#dir = dir;
    this.#env = {
      NATS_URL: grounds.nats.url,
      DATABASE_URL: grounds.postgres.url,
      LEAT_LOG_FORMAT: 'json',
      LEAT_ACK_WAIT_MS: '4000',
      UPGRADE_NAME: name,
    };
  }

  /**
   * @param name the pipeline's, its table's, its folder's and its run's
   * @param build whose command starts the run
   */
  static async start(grounds: Grounds, name: string, build: string): Promise<MixedRun> {
    const site = new MixedRun(grounds, name, await tempDir());
    // A test that runs out of time never comes to the end of its block.
    onTestFinished(() => site[Symbol.asyncDispose]());
    const params = [`count=${COUNT}`, `hold=${HOLD}`].flatMap((param) => ['--param', param]);
    await site.command(build, 'start', await site.file(build), '--run', name, ...params);
    return site;
  }

  /**
   * Puts a service of a build in place of the one that has the role. That one is stopped, or killed; one that is
   * stopped may still work on what it has in hand.
   */
  async put(role: Role, build: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const before = this.#services.get(role);
    before?.kill(signal);
    if (before !== undefined) this.#replaced.push(before);
    const options = { cwd: this.#dir.path, env: this.#env, bin: binOf(build) };
    this.#services.set(role, spawnLeat([role, await this.file(build)], options));
  }

  /** The pipeline file where it gets the packages of a build. */
  file(build: string): Promise<string> {
    let file = this.#files.get(build);
    if (file === undefined) {
      file = this.#makeFile(build, path.join(this.#dir.path, `with-${this.#files.size}`));
      this.#files.set(build, file);
    }
    return file;
  }

  async #makeFile(build: string, folder: string): Promise<string> {
    await mkdir(folder);
    await symlink(path.join(build, 'node_modules'), path.join(folder, 'node_modules'));
    const file = path.join(folder, 'pipeline.ts');
    await copyFile(new URL('pipeline.ts', import.meta.url), file);
    return file;
  }

  /** Runs a command of a build. @throws Error if it does not end with one of the codes */
  async command(build: string, ...args: readonly string[]): Promise<string> {
    const ended = await this.#run(build, args);
    if (ended.code !== 0) throw new Error(`leat ${args.join(' ')}: ${ended.stdout}${ended.stderr}`);
    return ended.stdout;
  }

  #run(build: string, args: readonly string[]): Promise<Ended> {
    return leat(args, { cwd: this.#dir.path, env: this.#env, bin: binOf(build) });
  }

  /** What `leat status` of a build says of the run. */
  async report(build: string): Promise<RunReport> {
    return JSON.parse(await this.command(build, 'status', this.#name, '--json')) as RunReport;
  }

  /** Waits until there is something to swap in the middle of: much is saved, and much is held. */
  untilUnderWay(): Promise<void> {
    return this.#until('under way', 60_000, async () => {
      const names = await readdir(this.#out).catch(() => []);
      const isOfLastRelease = names.some((name) => /^\d+.*\.ndjson$/.test(name));
      const saved = isOfLastRelease
        ? names.filter((name) => name.endsWith('.ndjson')).length
        : await savedChunks(this.#out);
      return saved >= CHUNKS_BEFORE_HOLD;
    });
  }

  /** Waits until one of the services has said something. */
  untilSaid(text: string): Promise<void> {
    return this.#until('said to be refused', 60_000, () =>
      Promise.resolve(this.said().includes(text)),
    );
  }

  /** Lets the held records go on. */
  letGo(): Promise<void> {
    return writeFile(path.join(this.#dir.path, 'let-go'), '');
  }

  /** From now on the records succeed that have died. */
  mend(): Promise<void> {
    return writeFile(path.join(this.#dir.path, 'mended'), '');
  }

  /** Tries all dead letters again, and waits until that is under way. */
  async redrive(build: string): Promise<void> {
    await this.command(build, 'dead', 'redrive', this.#name);
    await this.#until('under way again', 60_000, async () => {
      const { records, state } = await this.report(build);
      return records.dead === 0 || !state.startsWith('completed');
    });
  }

  /**
   * Waits until the run has ended, by what a build says of it.
   *
   * @throws Error if it stalls: with its report, and what the services said
   */
  async untilEnded(build: string, deadlineMs = 60_000): Promise<RunReport> {
    let report: RunReport | undefined;
    await this.#until('completed', deadlineMs, async () => {
      report = await this.report(build);
      return !['pending', 'running'].includes(report.state);
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(report)}\n${this.said()}`);
    });
    return report as RunReport;
  }

  /** Waits until the status shows a trouble of a stage, and gives it. */
  async untilTrouble(build: string, stage: string): Promise<string> {
    let reason: string | undefined;
    await this.#until(`said by ${stage} to be in trouble`, 60_000, async () => {
      const { troubles } = await this.report(build);
      reason = troubles.find((trouble) => trouble.stage === stage)?.reason;
      return reason !== undefined;
    });
    return reason as string;
  }

  /**
   * What is wrong with the run, once it is given time to end: that it stalls or failed, or what its sinks lack
   * or have twice. Nothing, if all is well.
   */
  async verdict(build: string, deadlineMs: number): Promise<readonly string[]> {
    const report = await this.untilEnded(build, deadlineMs).catch(() => undefined);
    if (report === undefined) return ['it stalls'];
    return report.state.startsWith('completed') ? this.flaws() : [`it is ${report.state}`];
  }

  /** What is wrong with the sinks; nothing if each has every record once. */
  async flaws(isMended = false): Promise<readonly string[]> {
    const expected = Array.from({ length: COUNT }, (_, n) => resultsOf(n, isMended)).flat();
    const sinks = { files: await this.#inFiles(), table: await this.#inTable() };
    return Object.entries(sinks).flatMap(([sink, saved]) => flawsOf(sink, expected, saved));
  }

  async #inFiles(): Promise<Saved[]> {
    const names = (await readdir(this.#out)).filter((name) => name.endsWith('.ndjson'));
    const texts = await Promise.all(
      names.map((name) => readFile(path.join(this.#out, name), 'utf8')),
    );
    return texts
      .flatMap((text) => text.split('\n').filter((line) => line !== ''))
      .map((line) => JSON.parse(line) as Saved);
  }

  async #inTable(): Promise<Saved[]> {
    const client = new Client(this.#grounds.postgres.url);
    await client.connect();
    try {
      const columns = 'n::integer, part::integer';
      const { rows } = await client.query<Saved>(`SELECT ${columns} FROM "${this.#name}"`);
      return rows;
    } finally {
      await client.end();
    }
  }

  get #all(): LeatProcess[] {
    return [...this.#replaced, ...this.#services.values()];
  }

  get #out(): string {
    return path.join(this.#dir.path, 'out', this.#name, this.#name);
  }

  /** The last of what each service logged. */
  said(): string {
    return this.#all
      .map(
        ({ child, stderr }) =>
          `${child.spawnargs.slice(1, 3).join(' ')}:\n${stderr().slice(-3_000)}`,
      )
      .join('\n');
  }

  async #until(what: string, deadlineMs: number, isSo: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (!(await isSo())) {
      if (performance.now() > end) throw new Error(`The run is not ${what} in ${deadlineMs} ms`);
      await delay(LOOK_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((each) => each[Symbol.asyncDispose]()));
    await this.#dir[Symbol.asyncDispose]();
  }
}

function binOf(build: string): string {
  return path.join(build, 'packages', 'cli', 'bin', 'leat.js');
}

function flawsOf(sink: string, expected: readonly Saved[], saved: readonly Saved[]): string[] {
  const left = new Map<string, number>();
  for (const { n, part } of saved) left.set(`${n}.${part}`, (left.get(`${n}.${part}`) ?? 0) + 1);
  const flaws: string[] = [];
  for (const { n, part } of expected) {
    const times = left.get(`${n}.${part}`) ?? 0;
    left.delete(`${n}.${part}`);
    if (times !== 1) flaws.push(`${sink} has ${n}.${part} ${times} times`);
  }
  return [...flaws, ...[...left.keys()].map((key) => `${sink} should not have ${key}`)];
}
