import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { startTime } from '@leat/process-lock';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { NatsServerBinary } from './binary.ts';
import { NatsServerError } from './error.ts';
import { findNatsServer } from './find-nats-server.ts';
import type { NatsServer } from './nats-server.ts';
import { readServerInfo } from './server-info.ts';
import { type StartNatsServerOptions, startNatsServer } from './start-nats-server.ts';

let binary: NatsServerBinary;
/** Takes the place of the system's folder of temporary files, so that leftovers are seen. */
let directory: string;
const { TMPDIR } = process.env;

beforeAll(async () => {
  binary = await findNatsServer();
  directory = await mkdtemp(join(tmpdir(), 'leat-start-'));
  process.env['TMPDIR'] = directory;
}, 240_000);

afterAll(async () => {
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
  await rm(directory, { recursive: true });
});

async function start(options: StartNatsServerOptions = {}): Promise<NatsServer> {
  const server = await startNatsServer({ binary, ...options });
  onTestFinished(() => server.stop());
  return server;
}

async function failure(options: StartNatsServerOptions): Promise<string> {
  const error = await startNatsServer({ binary, ...options }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NatsServerError);
  return error instanceof Error ? error.message : '';
}

async function privateFolders(): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('leat-nats-'));
}

/** Waits until the process has ended; gives whether it has. */
async function ends(pid: number): Promise<boolean> {
  return vi.waitUntil(async () => (await startTime(pid)) === undefined, { timeout: 30_000 });
}

/** A program that starts a server, prints its pid, and goes on with `then`. */
async function program(
  then: string,
): Promise<{ child: ChildProcessByStdio<null, Readable, null>; pid: number }> {
  const index = new URL('../dist/index.js', import.meta.url).href;
  const source = `
    const { startNatsServer } = await import(${JSON.stringify(index)});
    const server = await startNatsServer({ binary: ${JSON.stringify(binary.path)} });
    console.log(server.pid);
    ${then}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, pid: Number(line) };
}

/** The process group, on Linux. */
async function group(pid: number | string): Promise<string | undefined> {
  return (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ')[2];
}

describe('startNatsServer()', () => {
  test('starts a server with JetStream on the loopback, and stops it without a trace', async () => {
    const lines: string[] = [];
    const server = await start({ log: (line) => lines.push(line) });
    expect(server).toMatchObject({
      url: `nats://127.0.0.1:${server.port}`,
      version: binary.version,
    });
    expect(await readServerInfo(server.port, 5_000)).toMatchObject({ jetstream: true });
    expect(await startTime(server.pid)).toBeDefined();
    const [folder = ''] = await privateFolders();
    expect((await stat(join(directory, folder))).mode & 0o777).toBe(0o700);
    expect(lines).toContain(`nats-server ${binary.version} listens on ${server.url}`);

    await server.stop();
    expect(await ends(server.pid)).toBe(true);
    expect(await server.exited).toHaveProperty('signal', null);
    expect(await privateFolders()).toEqual([]);
    await server.stop();
  });

  test('starts one without JetStream, with more configuration', async () => {
    const server = await start({
      jetstream: false,
      config: 'max_payload: 2000\nserver_name: mill',
    });
    const info = await readServerInfo(server.port, 5_000);
    expect(info).toMatchObject({ max_payload: 2000, server_name: 'mill' });
    expect(info?.jetstream).toBeUndefined();
  });

  test('keeps the store that it is given, and leaves no pid file in it', async () => {
    const storeDir = join(directory, 'kept', 'store');
    const server = await start({ storeDir, config: 'jetstream { max_file_store: 1GB }' });
    expect(server.storeDir).toBe(storeDir);
    await server.stop();
    expect(await readdir(storeDir)).toEqual(['jetstream']);
  });

  test('starts many at once, each on a port of its own', async () => {
    const servers = await Promise.all(Array.from({ length: 5 }, () => start()));
    expect(new Set(servers.map(({ port }) => port)).size).toBe(5);
  });

  test('is disposable', async () => {
    const server = await start();
    await server[Symbol.asyncDispose]();
    expect(await ends(server.pid)).toBe(true);
  });

  test.each([
    [
      'a bad configuration',
      { config: 'max_payload: many' },
      /ended at its start: .*server\.conf:6:1: /,
    ],
    [
      'an unknown setting',
      { config: 'no_such: 1' },
      /ended at its start: .*unknown field "no_such"/,
    ],
    ['no such program', { binary: '/nowhere/nats-server' }, /\/nowhere\/nats-server/],
    ['no time', { startTimeoutMs: 0 }, /nats-server does not listen 0 s after its start/],
    [
      'no JetStream in spite of the wish',
      { config: 'jetstream: false', startTimeoutMs: 3_000 },
      /nats-server has no JetStream 3 s after its start/,
    ],
  ])('says what is wrong with %s', async (_, options, message) => {
    expect(await failure(options)).toMatch(message);
    expect(await privateFolders()).toEqual([]);
  });

  test('says that the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    expect(await failure({ port })).toMatch(/ended at its start: .*address already in use/);
  });

  test('says that the store folder cannot be used', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    expect(await failure({ storeDir: join(file, 'store') })).toMatch(/file\/store cannot be used/);
    expect(await privateFolders()).toEqual([]);
  });

  test('gives up when it is told to', async () => {
    const reason = new Error('enough');
    const options = { binary, signal: AbortSignal.abort(reason) };
    await expect(startNatsServer(options)).rejects.toBe(reason);
    expect(await privateFolders()).toEqual([]);
  });

  test('refuses a second server over the same store until the first has ended', async () => {
    const storeDir = join(directory, 'shared');
    const first = await start({ storeDir });
    expect(await failure({ storeDir })).toMatch(/shared is in use by another nats-server/);
    expect(await startTime(first.pid)).toBeDefined();
    await first.stop();
    await start({ storeDir });
  });

  test('ignores the pid file of a process that is dead', async () => {
    const storeDir = join(directory, 'stale');
    await (await start({ storeDir })).stop();
    const stale = JSON.stringify({ pid: process.pid, started: 'long ago' });
    await writeFile(join(storeDir, 'leat-nats-server.pid'), stale);
    expect(await start({ storeDir })).toMatchObject({ version: binary.version });
  });
});

describe('a NatsServer', () => {
  test('that is killed can be restarted on the same port', async () => {
    const server = await start();
    const { pid, port, exited } = server;
    await server.kill('SIGKILL');
    expect(await exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await startTime(pid)).toBeUndefined();
    expect(await readServerInfo(port, 1_000)).toBeUndefined();
    await server.kill('SIGKILL');
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await readServerInfo(port, 5_000)).toMatchObject({ jetstream: true });
  });

  test('that runs or was stopped can be restarted', async () => {
    const server = await start();
    await server.restart();
    await server.stop();
    await server.restart();
    expect(await readServerInfo(server.port, 5_000)).toMatchObject({ jetstream: true });
  });

  test('keeps its store when a restart fails, for the next one', async () => {
    const server = await start();
    await server.kill();
    const other = createServer().listen(server.port, '127.0.0.1');
    await once(other, 'listening');
    await expect(server.restart()).rejects.toThrow('address already in use');
    expect(await readdir(server.storeDir)).toEqual(['jetstream']);
    other.close();
    await once(other, 'close');
    await server.restart();
  });

  test('that does not react is killed', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGSTOP');
    await server.stop();
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test.runIf(process.platform === 'linux')('does not outlive its watchdog', async () => {
    const server = await start();
    const file = await readFile(join(server.storeDir, 'leat-nats-server.pid'), 'utf8');
    const { pid }: { pid: number } = JSON.parse(file);
    process.kill(pid, 'SIGKILL');
    await server.exited;
    expect(await ends(server.pid)).toBe(true);
    await server.restart();
  });

  test.runIf(process.platform === 'linux')(
    'is in no process group with us, for Ctrl-C',
    async () => {
      const server = await start();
      expect(await group(server.pid)).not.toBe(await group('self'));
    },
  );
});

describe('the program that started a server', () => {
  test('takes it along when it is killed by SIGKILL', async () => {
    const { child, pid } = await program('setInterval(() => {}, 1_000);');
    expect(await startTime(pid)).toBeDefined();
    child.kill('SIGKILL');
    expect(await ends(pid)).toBe(true);
    await expect.poll(privateFolders, { timeout: 30_000 }).toEqual([]);
  });

  test.each([
    ['forgets it', ''],
    ['calls process.exit()', 'process.exit(0);'],
    ['throws', 'process.on("uncaughtException", () => process.exit(1)); throw new Error("x");'],
    ['calls process.abort()', 'process.abort();'],
  ])('takes it along when it %s', async (_, then) => {
    const { child, pid } = await program(then);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(await ends(pid)).toBe(true);
    await expect.poll(privateFolders, { timeout: 30_000 }).toEqual([]);
  });
});
