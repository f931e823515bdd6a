import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTime } from '@leat/process-lock';
import { expect, onTestFinished, test } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { until } from '../../../test/support/until.ts';
import { EmbeddedNats } from './embedded-nats.ts';

async function stateDirWith(trace: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'leat-embedded-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'server.json'), trace);
  return dir;
}

test('the server of a process that is alive is found', async () => {
  const started = await startTime(process.pid);
  const trace = { url: 'nats://127.0.0.1:5555', pid: process.pid, started };
  const dir = await stateDirWith(JSON.stringify(trace));
  expect(await EmbeddedNats.runningUrl(dir)).toBe('nats://127.0.0.1:5555');
});

test('that of a process that is dead is not, even if another process has its number', async () => {
  const trace = { url: 'nats://127.0.0.1:5555', pid: process.pid, started: 'long ago' };
  const dir = await stateDirWith(JSON.stringify(trace));
  expect(await EmbeddedNats.runningUrl(dir)).toBeUndefined();
});

test.each(['', '{', '{"url":"nats://127.0.0.1:5555"}', 'null'])(
  'a trace that is damaged is none: %j',
  async (text) => {
    expect(await EmbeddedNats.runningUrl(await stateDirWith(text))).toBeUndefined();
  },
);

test('one that dies is started again, also when that does not work at once', async () => {
  const dir = await stateDirWith('');
  const logger = recordingLogger();
  const embedded = await EmbeddedNats.start(dir, logger);
  onTestFinished(() => embedded.stop());
  const store = join(dir, 'nats');
  const away = join(dir, 'away');
  const watchdog = JSON.parse(await readFile(join(store, 'leat-nats-server.pid'), 'utf8')) as {
    pid: number;
  };
  await rename(store, away);
  await writeFile(store, 'no folder');
  process.kill(watchdog.pid, 'SIGKILL');
  const isSaid = (line: string): boolean => logger.at('warn').includes(line);
  await until('it does not start', () => isSaid('nats-server does not start again yet'));
  await rm(store);
  await rename(away, store);
  await until('it has started', async () => await connectable(embedded.url));
  expect(embedded.lost.aborted).toBe(false);
});

function connectable(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) })
      .on('connect', () => resolve(true))
      .on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
