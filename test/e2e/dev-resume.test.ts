import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { DEADLINE_MS, expectBalance, expectSquares } from '../support/deployment.ts';
import { savedChunks } from '../support/saved-folder.ts';
import { DevSite } from '../support/dev.ts';
import { until } from '../support/until.ts';

type Square = { readonly n: number; readonly square: number };

async function runsOf(site: DevSite): Promise<RunReport[]> {
  const { stdout } = await site.leat('status', '--json');
  return JSON.parse(stdout) as RunReport[];
}

test('what is run a second time is a new run', async () => {
  await using site = await DevSite.create('steady.ts');
  const first = await site.run({ count: 2_000 });
  const second = await site.run({ count: 2_000 });
  expect(second.run).not.toBe(first.run);
  expect(second.digest).toBe(first.digest);
  for (const { run } of [first, second]) {
    expect(await site.leat('verify', run)).toMatchObject({ code: 0 });
    expectSquares(await site.exported(run), 2_000);
  }
  expect((await runsOf(site)).map(({ run, state }) => ({ run, state }))).toEqual([
    { run: first.run, state: 'completed' },
    { run: second.run, state: 'completed' },
  ]);
});

test('what is killed goes on where it was, with the same id, and leaves no server behind', async () => {
  await using site = await DevSite.create('steady.ts');
  const params = { count: 12_000, delayMs: 5, hold: 10_000 };
  const out = join(site.dir, 'out', 'steady');
  const claim = join(site.dir, '.leat', 'nats', 'leat-nats-server.pid');
  let run: string | undefined;
  for (const chunks of [100, 300]) {
    const dev = site.dev(params);
    const isFar = async (): Promise<boolean> => {
      run ??= (await readdir(out).catch(() => []))[0];
      return run !== undefined && (await savedChunks(join(out, run))) >= chunks;
    };
    await until(`${chunks} chunks`, isFar, DEADLINE_MS);
    expect(existsSync(claim)).toBe(true);
    dev.kill('SIGKILL');
    await dev.ended;
    // The watchdog, the only one left, removes the claim when the server has ended.
    await until('no server is left', () => !existsSync(claim), DEADLINE_MS);
  }
  await site.letGo();
  const report = await site.run(params);
  expect(report).toMatchObject({ run, state: 'completed', chunks: { total: 600 } });
  expect(report.records).toMatchObject({ in: 12_000, saved: 12_000 });
  expectBalance(report);
  expect(await site.leat('verify', report.run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(report.run), 12_000);
  expect(await readdir(out)).toEqual([run]);
  expect(existsSync(claim)).toBe(false);
});

test('it goes on at once, while the server of the one that was killed is still ending', async () => {
  await using site = await DevSite.create('steady.ts');
  const params = { count: 5_000, delayMs: 5 };
  const first = site.dev(params);
  await until('it has begun', () => existsSync(join(site.dir, 'out', 'steady')), DEADLINE_MS);
  first.kill('SIGKILL');
  const report = await site.run(params);
  expect(report).toMatchObject({ state: 'completed', records: { in: 5_000, saved: 5_000 } });
  expectSquares(await site.exported<Square>(report.run), 5_000);
});

test('chunks that were divided are exact after a kill, too', async () => {
  await using site = await DevSite.create('burst.ts');
  const params = { count: 60 };
  const out = join(site.dir, 'out', 'burst');
  const dev = site.dev(params);
  const isFar = async (): Promise<boolean> => {
    const [run] = await readdir(out).catch(() => []);
    return run !== undefined && (await savedChunks(join(out, run))) >= 200;
  };
  await until('a third of it', isFar, DEADLINE_MS);
  dev.kill('SIGKILL');
  await dev.ended;
  const report = await site.run(params);
  expect(report.records).toMatchObject({ in: 60, expanded: 60 * 999, saved: 60_000 });
  expectBalance(report);
  expect(await site.leat('verify', report.run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(report.run), 60_000);
});
