import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import type { Broker } from './broker.ts';

const NAMES = ['redis-server', 'valkey-server'];

/** Why Redis cannot be used here; `undefined` if it can. */
export function redisMissing(): Promise<string | undefined> {
  return Promise.resolve(
    findRedis() === undefined
      ? 'no redis-server on PATH (apt-get install redis-server)'
      : undefined,
  );
}

/** Redis with an append-only file that is synced every second, and no snapshots. */
export async function startRedis(dir: string): Promise<Broker> {
  const data = join(dir, 'redis');
  await mkdir(data, { recursive: true });
  const port = await freePort();
  const settings = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', data, '--save', ''];
  const durability = ['--appendonly', 'yes', '--appendfsync', 'everysec'];
  const server = spawn(findRedis() ?? 'redis-server', [...settings, ...durability], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(server, 'exit');
  await new Promise<void>((resolve, reject) => {
    void exited.then(() => reject(new Error('redis-server ended at its start')));
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Ready to accept connections')) resolve();
    });
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: server.pid ?? 0,
    stop: async () => {
      server.kill('SIGKILL');
      await exited;
    },
  };
}

function findRedis(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
}
