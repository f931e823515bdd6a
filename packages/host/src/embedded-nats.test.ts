import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTime } from '@leat/process-lock';
import { expect, onTestFinished, test } from 'vitest';
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
