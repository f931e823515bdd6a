import { mkdtemp, rm } from 'node:fs/promises';
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

describe('without the official release', { timeout: 300_000 }, () => {
  const path = process.env['PATH'] ?? '';
  const withoutGo = ['/usr/bin', '/bin'].join(delimiter);

  test.each([
    { rung: 'go', version: PINNED_VERSION, searchPath: path },
    { rung: 'go', version: MINIMUM_VERSION, searchPath: path },
    { rung: 'debian', version: MINIMUM_VERSION, searchPath: withoutGo },
    { rung: 'debian', version: undefined, searchPath: withoutGo },
  ])(
    '$rung gives a server that starts, version $version',
    async ({ rung, version, searchPath }) => {
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
    },
  );
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
