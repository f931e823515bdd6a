import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import {
  type NatsServerBinary,
  MINIMUM_VERSION,
  PINNED_VERSION,
  findNatsServer,
  startNatsServer,
} from '@leat/nats-server';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';

let directory: string;
let lines: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leat-rungs-'));
  lines = [];
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Climbs the ladder with an empty cache and without the official release. */
async function climb(path: string, version?: string): Promise<NatsServerBinary> {
  return findNatsServer({
    env: { ...process.env, NATS_SERVER_BIN: '', PATH: path, LEAT_CACHE_DIR: directory },
    log: (line) => lines.push(line),
    // Nobody listens there.
    releaseUrl: 'http://127.0.0.1:2',
    ...(version !== undefined && { version }),
  });
}

/** The reason for which a rung gave nothing: this machine lacks the tool, or the network behind it. */
function unavailable(rung: string): string | undefined {
  return lines.find((line) => line.startsWith(`no nats-server by way of ${rung}: `));
}

/** A folder for `PATH` that has Go in it, if it is installed, and no apt. */
async function goAlone(): Promise<string> {
  const tools = join(directory, 'tools');
  await mkdir(tools);
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const go = folders.map((folder) => join(folder, 'go')).find((file) => existsSync(file));
  if (go !== undefined) await symlink(await realpath(go), join(tools, 'go'));
  return tools;
}

describe('without the official release', { timeout: 300_000 }, () => {
  const withoutGo = ['/usr/bin', '/bin'].join(delimiter);

  test.each([
    { rung: 'go', version: PINNED_VERSION },
    { rung: 'go', version: MINIMUM_VERSION },
    { rung: 'debian', version: MINIMUM_VERSION },
    { rung: 'debian', version: undefined },
  ])('$rung gives a server that starts, version $version', async ({ rung, version }) => {
    const searchPath = rung === 'go' ? await goAlone() : withoutGo;
    let binary: NatsServerBinary;
    try {
      binary = await climb(searchPath, version);
    } catch (error) {
      if (unavailable(rung) === undefined) throw error;
      // A machine without Go, without apt or without a network is no failure of ours, but is told.
      process.stderr.write(`not tested here: ${unavailable(rung)}\n`);
      return;
    }
    const reason = unavailable(rung);
    if (reason !== undefined) process.stderr.write(`not tested here: ${reason}\n`);
    expect(reason ?? binary.origin).toBe(reason ?? rung);
    expect(binary.version).toBe(version ?? binary.version);
    const server = await startNatsServer({ binary });
    onTestFinished(() => server.stop());
    expect(server.version).toBe(binary.version);
  });
});

test('a restart on the same port keeps what was acknowledged', { timeout: 300_000 }, async () => {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  const nc = await connect({ servers: server.url });
  const manager = await jetstreamManager(nc);
  await manager.streams.add({ name: 'KEPT', subjects: ['kept'] });
  const js = jetstream(nc);
  for (let index = 0; index < 100; index += 1) await js.publish('kept', `${index}`);
  await nc.close();

  await server.kill('SIGKILL');
  await server.restart();

  const again = await connect({ servers: server.url });
  const { state } = await (await jetstreamManager(again)).streams.info('KEPT');
  expect(state.messages).toBe(100);
  await again.close();
});
