import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from '../support/jetstream.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { unleash } from './monkey.ts';
import { planOf } from './plan.ts';
import { Supervisor, type SupervisedProcess } from './supervisor.ts';
import { tally, type Tally } from './tally.ts';

const PROGRAM = fileURLToPath(new URL('counting-process.mjs', import.meta.url));
const COUNT = 12_000;
const ONE_EACH = { fetcher: 1, mapper: 1, saver: 1 };
const MOST_TRIES = 5;
/** After that long without a new line it will never end: its counter waits for what is lost. */
const STUCK_MS = 15_000;
/** Milliseconds after which what was not acknowledged comes again: never, where a machine may only be slow. */
const ACK_WAIT_MS = { calm: 600_000, struck: 2_000 };

function startCounting(...args: readonly string[]): SupervisedProcess {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: 'ignore' });
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  return {
    pid: child.pid ?? 0,
    ended,
    stderr: () => '',
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs the pipeline that counts; without a seed nothing happens to it. */
async function count(total: number, seed?: number): Promise<Tally> {
  await using dir = await tempDir();
  const server = await startServer();
  const ackWaitMs = seed === undefined ? ACK_WAIT_MS.calm : ACK_WAIT_MS.struck;
  const args = [server.url, dir.path, String(total), String(ackWaitMs)];
  const replicas = seed === undefined ? ONE_EACH : { fetcher: 1, mapper: 2, saver: 2 };
  const supervisor = new Supervisor(replicas, (role) => startCounting(role, ...args));
  onTestFinished(async () => void (await supervisor.stop()));
  const saved = async (): Promise<string[]> =>
    (await readFile(join(dir.path, 'out.txt'), 'utf8').catch(() => '')).split('\n').slice(0, -1);
  await until('the first records are there', async () => (await saved()).length > 0);

  const over = new AbortController();
  const { replicas: struck } = supervisor;
  const world = { pipeline: 'none', server, replicas: struck, edits: new Map() };
  const plan = seed === undefined ? { seed: 0, strikes: [] } : planOf(seed);
  const monkey = unleash(plan, world, over.signal);
  let lines = 0;
  let changedAt = performance.now();
  await until(
    'it has ended, or stands still',
    async () => {
      const now = (await saved()).length;
      if (now !== lines) [lines, changedAt] = [now, performance.now()];
      return existsSync(join(dir.path, 'done')) || performance.now() - changedAt > STUCK_MS;
    },
    120_000,
  );
  over.abort();
  await monkey;
  await supervisor.stop();
  await server.stop();
  return tally(
    Array.from({ length: total }, (_, n) => String(n)),
    await saved(),
  );
}

test('a pipeline that counts is right as long as nothing happens', async () => {
  const found = 2_000;
  expect(await count(found)).toEqual({ found, lost: [], doubled: [], strange: [] });
});

test('the monkey makes a pipeline that counts lose or double records', async () => {
  for (let seed = 1; seed <= MOST_TRIES; seed++) {
    const { lost, doubled } = await count(COUNT, seed);
    process.stdout.write(
      `counting, seed ${seed}: ${lost.length} records lost, ${doubled.length} doubled\n`,
    );
    if (lost.length + doubled.length > 0) return;
  }
  expect.fail(`not one of ${MOST_TRIES} seeds found it out: the suite does not bite`);
});
