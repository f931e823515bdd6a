import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claim } from './claim.ts';
import { startTime } from './process-identity.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leat-claim-'));
  path = join(directory, 'pid');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('claim()', () => {
  test('takes what nobody holds, and names the holder to the next one', async () => {
    expect(await claim(path, { pid: process.pid })).toBeUndefined();
    expect(await claim(path, { pid: process.pid })).toEqual({
      pid: process.pid,
      started: await startTime(process.pid),
    });
  });

  test('takes over from a process that is dead', async () => {
    await writeFile(path, JSON.stringify({ pid: await deadPid(), started: '1' }));
    expect(await claim(path, { pid: process.pid })).toBeUndefined();
    expect(await readFile(path, 'utf8')).toContain(`"pid":${process.pid}`);
  });

  test.runIf(process.platform !== 'win32')(
    'takes over from a process whose pid another one has now',
    async () => {
      await writeFile(path, JSON.stringify({ pid: process.pid, started: 'long ago' }));
      expect(await claim(path, { pid: process.pid })).toBeUndefined();
    },
  );

  test.each(['', '{"pid":', 'null', '{"pid":"1"}', '12'])(
    'takes over a file that holds %o',
    async (text) => {
      await writeFile(path, text);
      expect(await claim(path, { pid: process.pid })).toBeUndefined();
    },
  );

  test('leaves what a process of another host has, dead or not', async () => {
    const elsewhere = { pid: await deadPid(), started: '1', host: 'elsewhere' };
    await writeFile(path, JSON.stringify(elsewhere));
    expect(await claim(path, { pid: process.pid, host: 'here' })).toEqual(elsewhere);
    expect(await claim(path, { pid: process.pid })).toEqual(elsewhere);
    expect(await claim(path, { pid: process.pid, host: 'elsewhere' })).toBeUndefined();
  });

  test('reads the lock that version 0.1 wrote beside an embedded database', async () => {
    const started = (await startTime(process.pid)) ?? '';
    await writeFile(path, `${process.pid} ${started} my host`);
    const mine = { pid: process.pid, host: 'my host' };
    expect(await claim(path, mine)).toEqual({ ...mine, started });
    await writeFile(path, `${await deadPid()} 1 my host`);
    expect(await claim(path, mine)).toBeUndefined();
  });

  test('gives a stale claim to exactly one of many', async () => {
    await writeFile(path, JSON.stringify({ pid: await deadPid(), started: '1' }));
    const holders = await Promise.all(
      Array.from({ length: 20 }, () => claim(path, { pid: process.pid })),
    );
    expect(holders.filter((holder) => holder === undefined)).toHaveLength(1);
    expect(await readdir(directory)).toEqual(['pid']);
  });

  test('takes over in spite of one who died while taking over', async () => {
    await writeFile(path, '');
    await writeFile(`${path}.takeover`, '');
    await utimes(`${path}.takeover`, 1, 1);
    expect(await claim(path, { pid: process.pid })).toBeUndefined();
    expect(await readdir(directory)).toEqual(['pid']);
  });

  test('fails where it cannot write', async () => {
    await expect(claim(join(directory, 'none', 'pid'), { pid: process.pid })).rejects.toThrow(
      'ENOENT',
    );
  });
});
