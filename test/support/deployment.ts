import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RunReport } from '@leat/core';
import { connect } from '@leat/operate';
import { findNatsServer, type NatsServer, startNatsServer } from '@leat/nats-server';
import { expect, onTestFailed, onTestFinished } from 'vitest';
import { LET_GO_FILE } from '../fixtures/take-time.ts';
import { type Ended, fixture, leat, type LeatProcess, spawnLeat } from './leat.ts';
import { savedChunks } from './saved-folder.ts';
import { tempDir, type TempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** Long, because the machine may be busy: a test that is right does not wait for it. */
export const DEADLINE_MS = 120_000;

export type Role = 'fetcher' | 'mapper' | 'saver';

/** A pipeline as its users run it: separate processes over one NATS server, in one directory. */
export class Deployment implements AsyncDisposable {
  readonly server: NatsServer;
  readonly #file: string;
  readonly #dir: TempDir;
  readonly #env: Readonly<Record<string, string>>;
  readonly #cwd: string;
  readonly #processes: LeatProcess[];

  private constructor(
    file: string,
    dir: TempDir,
    server: NatsServer,
    env: Readonly<Record<string, string>>,
    cwd: string = dir.path,
    processes: LeatProcess[] = [],
  ) {
    this.#file = file;
    this.#dir = dir;
    this.server = server;
    this.#env = { NATS_URL: server.url, LEAT_LOG_FORMAT: 'json', ...env };
    this.#cwd = cwd;
    this.#processes = processes;
  }

  /**
   * Starts a NATS server and nothing else.
   *
   * @param pipeline a file of the test fixtures
   * @param options.server one that runs already; it is stopped at the end all the same
   */
  static async create(
    pipeline: string,
    options: {
      readonly version?: string;
      readonly env?: Readonly<Record<string, string>>;
      readonly server?: NatsServer;
    } = {},
  ): Promise<Deployment> {
    const { version, env = {} } = options;
    const binary = await findNatsServer(version === undefined ? {} : { version });
    const dir = await tempDir();
    const server =
      options.server ?? (await startNatsServer({ binary, storeDir: join(dir.path, 'nats') }));
    const deployment = new Deployment(fixture(pipeline), dir, server, env);
    onTestFailed(() => deployment.#tell());
    // A test that runs out of time never comes to the end of its block.
    onTestFinished(() => deployment[Symbol.asyncDispose]());
    return deployment;
  }

  /** The pipeline's file. */
  get file(): string {
    return this.#file;
  }

  get dir(): string {
    return this.#cwd;
  }

  /**
   * The same deployment, as somebody uses it whose environment or working directory is another. What is
   * started there ends with the whole.
   */
  as(env: Readonly<Record<string, string>>, cwd: string = this.#cwd): Deployment {
    const all = { ...this.#env, ...env };
    return new Deployment(this.#file, this.#dir, this.server, all, cwd, this.#processes);
  }

  /** Where the sinks of the fixtures write by default: `out/<saver or pipeline>/<run>`. */
  out(...names: readonly string[]): string {
    return join(this.dir, 'out', ...names);
  }

  /** Runs a `leat` command to its end. */
  leat(...args: readonly string[]): Promise<Ended> {
    return leat(args, { cwd: this.#cwd, env: this.#env });
  }

  /** Creates a run, and gives its id. */
  async start(
    params: Readonly<Record<string, unknown>>,
    id?: string,
    ...more: readonly string[]
  ): Promise<string> {
    const flags = Object.entries(params).flatMap(([key, value]) => ['--param', `${key}=${value}`]);
    const ended = await this.leat(
      'start',
      this.#file,
      ...flags,
      ...(id ? ['--run', id] : []),
      ...more,
    );
    expect(ended).toMatchObject({ code: 0 });
    return ended.stdout.trim();
  }

  /** Starts one replica of a service that ends when no run is left. */
  service(role: Role, ...args: readonly string[]): LeatProcess {
    return this.replica(role, ['--once', ...args]);
  }

  /**
   * Starts one replica of a service that goes on until it is stopped.
   *
   * @param within a command that it is started by, such as `nsenter`
   */
  replica(role: Role, args: readonly string[] = [], within: readonly string[] = []): LeatProcess {
    const child = spawnLeat([role, this.#file, ...args], {
      cwd: this.#cwd,
      env: this.#env,
      within,
    });
    this.#processes.push(child);
    return child;
  }

  /** Waits until a service is connected and knows how it is asked to stop. */
  async untilReady(...services: readonly LeatProcess[]): Promise<void> {
    for (const { stderr } of services) {
      await until('it is ready', () => stderr().includes('service ready'), DEADLINE_MS);
    }
  }

  services(role: Role, count: number): LeatProcess[] {
    return Array.from({ length: count }, () => this.service(role));
  }

  /** Lets runs go on that take their time: see `takeTime` of the fixtures. */
  letGo(): Promise<void> {
    return writeFile(join(this.dir, LET_GO_FILE), '');
  }

  /** The reports of all runs of all pipelines, as `leat status --json` prints them. */
  async reports(): Promise<RunReport[]> {
    await using client = await connect({ servers: this.server.url });
    const reports: RunReport[] = [];
    for await (const report of client.runs.list()) reports.push(report);
    return asPrinted(reports);
  }

  /** The report of one run, as `leat status --json` prints it. A test may ask often: it costs no process. */
  async report(run: string): Promise<RunReport> {
    await using client = await connect({ servers: this.server.url });
    return asPrinted(await (await client.run(run)).report());
  }

  /** Follows a run to its end by `leat status --watch`, twice a second. */
  async watch(run: string, onReport: (report: RunReport) => void): Promise<void> {
    const args = ['status', run, '--watch', '--json'];
    await using status = spawnLeat(args, { cwd: this.#cwd, env: this.#env });
    const { stdout } = status.child;
    if (stdout === null) throw new TypeError('status has no output');
    for await (const line of createInterface({ input: stdout })) {
      // The last report of all is laid out in lines.
      if (!line.endsWith('}') || line === '}') break;
      onReport(JSON.parse(line) as RunReport);
    }
    await status.ended;
  }

  /** Waits until that many chunks are in a sink. */
  async untilSaved(chunks: number, run: string, sink: string): Promise<void> {
    await until(
      `${chunks} chunks in ${sink}`,
      async () => (await savedChunks(this.out(sink, run))) >= chunks,
      DEADLINE_MS,
    );
  }

  /** Waits until every service that was not killed has ended by itself, and well. */
  async untilEnded(code = 0): Promise<void> {
    const ended = await Promise.all(this.#processes.map(({ ended: each }) => each));
    for (const { code: found, signal, stderr } of ended) {
      if (signal !== 'SIGKILL') expect({ code: found, signal, stderr }).toMatchObject({ code });
    }
  }

  /** Runs `leat verify` on a run. */
  verify(run: string): Promise<Ended> {
    return this.leat('verify', run, this.#file);
  }

  /** What `leat export` writes, a value for each line. */
  async exported<T>(run: string, saver?: string): Promise<T[]> {
    await mkdir(join(this.dir, 'exports'), { recursive: true });
    const file = join(this.dir, 'exports', `${run}-${saver}.ndjson`);
    const flags = saver === undefined ? [] : ['--stage', saver];
    const ended = await this.leat('export', run, this.#file, '--to', file, ...flags);
    expect(ended).toMatchObject({ code: 0 });
    return linesOf<T>(await readFile(file, 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process_) => process_[Symbol.asyncDispose]()));
    await this.server.stop();
    await this.#dir[Symbol.asyncDispose]();
  }

  /** A failure is best understood from what all the processes said. */
  #tell(): void {
    for (const { child, stderr } of this.#processes) {
      process.stderr.write(`${child.spawnargs.slice(2).join(' ')}:\n${stderr().slice(-5_000)}\n`);
    }
  }
}

function asPrinted<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export function linesOf<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** The books of a run that has ended must balance. */
export function expectBalance({ records, chunks }: RunReport): void {
  expect(records.in + records.expanded).toBe(records.saved + records.filtered + records.dead);
  expect(chunks).toMatchObject({ isTotalKnown: true, inFlight: 0 });
  expect(chunks.saved + chunks.dead).toBe(chunks.total);
}

/** The squares of 0 to `count - 1`, each once, in this order. */
export function expectSquares(
  found: readonly { readonly n: number; readonly square: number }[],
  count: number,
): void {
  expect(found.length).toBe(count);
  const wrong = found.findIndex(({ n, square }, at) => n !== at || square !== n * n);
  expect({ wrong, record: found[wrong] }).toEqual({ wrong: -1, record: undefined });
}
