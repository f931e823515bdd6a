import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, expectBalance, linesOf } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';
import { fixture } from '../support/leat.ts';
import { until } from '../support/until.ts';

/** In `mortal.ts` one record of ten dies; 50 chunks of 20 are in flight. */
const COUNT = 4_000;

/** Waits until a run rests, and has rested long enough for every replica to have noticed. */
async function untilAtRest(site: Deployment, run: string): Promise<RunReport> {
  let last: RunReport | undefined;
  let since = 0;
  await until(
    'nothing moves any more',
    async () => {
      const report = await site.report(run);
      const hasMoved = report.chunks.total !== last?.chunks.total;
      if (hasMoved || report.records.saved !== last?.records.saved) since = performance.now();
      last = report;
      return report.state === 'paused' && performance.now() - since > 2_500;
    },
    DEADLINE_MS,
  );
  return last as RunReport;
}

async function untilEnded(site: Deployment, run: string): Promise<RunReport> {
  await until('the run ends', async () => (await site.report(run)).endedAt !== null, DEADLINE_MS);
  return site.report(run);
}

/** Every record that is to be saved is saved, once, and every other has its dead letter. */
async function expectExact(site: Deployment, run: string, dead: number): Promise<void> {
  const report = await untilEnded(site, run);
  expect(report).toMatchObject({
    state: 'completed-with-dead-letters',
    records: { in: COUNT, saved: COUNT - dead, dead },
  });
  expect(report).not.toHaveProperty('reason');
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  const saved = await site.exported<{ readonly n: number }>(run);
  const letters = linesOf<{ readonly record: string }>(
    (await site.leat('dead', 'list', run, '--json')).stdout,
  );
  const buried = letters.map(({ record }) => JSON.parse(record) as { readonly n: number });
  const all = [...saved, ...buried].map(({ n }) => n).toSorted((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: COUNT }, (_, n) => n));
  expect(letters).toHaveLength(dead);
}

test('a run with too many dead records rests, also under another fetcher, and goes on when it is resumed', async () => {
  await using site = await Deployment.create('mortal.ts', { env: { TOLERANCE: '100' } });
  const run = await site.start({ count: COUNT, until: 2_000, delayMs: 2 });
  const first = site.service('fetcher');
  site.services('mapper', 2);
  site.services('saver', 2);

  const resting = await untilAtRest(site, run);
  const reason = `more than the 100 that maxDeadRecords tolerates; see "leat dead list ${run}", then "leat resume ${run}"`;
  expect(resting.reason).toMatch(/^(?:1\d\d|200) records are dead, /);
  expect(resting.reason).toContain(reason);
  expect(resting.records.dead).toBeGreaterThan(100);
  expect(resting.chunks.total).toBeLessThan(COUNT / 20);
  expect((await site.leat('status', run)).stdout).toContain(`paused: ${resting.reason}`);
  expect(first.stderr().split('run paused: ')).toHaveLength(2);

  first.kill('SIGKILL');
  const second = site.service('fetcher');
  await until('it is taken over', () => second.stderr().includes('run paused: '), DEADLINE_MS);
  const { reason: same, records, chunks } = await untilAtRest(site, run);
  expect({ same, records, chunks }).toEqual({
    same: resting.reason,
    records: resting.records,
    chunks: resting.chunks,
  });

  expect(await site.leat('resume', run)).toMatchObject({ code: 0 });
  // What died before the run was resumed is tolerated, and fewer than a hundred are left to die.
  await expectExact(site, run, 200);
  expect(await second.ended).toMatchObject({ code: 3 });
});

test('a percentage is of the records that are settled; a run that rests goes on when it is started again', async () => {
  await using site = await Deployment.create('mortal.ts', { env: { TOLERANCE: '5%' } });
  const run = await site.start({ count: COUNT, until: 1_100, delayMs: 2 });
  const fetcher = site.service('fetcher');
  // One of each, so that chunks are settled about in order.
  site.service('mapper');
  site.service('saver');
  const { reason = '', records } = await untilAtRest(site, run);
  const [, dead, settled] = /^(\d+) of (.+) records are dead, more than the 5% /.exec(reason) ?? [];
  expect(Number(settled?.replace(',', ''))).toBeGreaterThanOrEqual(1_000);
  expect(Number(dead)).toBeGreaterThan(50);
  expect(records.in).toBeLessThan(COUNT);

  // The one who stops the fetcher and resumes the run before there is another means it all the same.
  fetcher.kill('SIGTERM');
  await fetcher.ended;
  expect(await site.leat('start', fixture('mortal.ts'), '--run', run)).toMatchObject({ code: 0 });
  site.service('fetcher');
  await expectExact(site, run, 110);
});

test('a run whose last chunk is one too many ends', async () => {
  await using site = await Deployment.create('mortal.ts', { env: { TOLERANCE: '1' } });
  const run = await site.start({ count: 20 });
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.service(role);
  expect(await untilEnded(site, run)).toMatchObject({
    state: 'completed-with-dead-letters',
    records: { in: 20, saved: 18, dead: 2 },
  });
});

test('dev says why, ends, and goes on the next time', async () => {
  await using site = await DevSite.create('mortal.ts');
  const params = { count: COUNT, until: 2_000, delayMs: 2 };
  const first = await site.dev(params).ended;
  expect(first.code).toBe(1);
  const report = async (): Promise<RunReport> =>
    JSON.parse(await readFile(join(site.dir, 'report.json'), 'utf8')) as RunReport;
  const resting = await report();
  expect(resting).toMatchObject({ state: 'paused', endedAt: null });
  expect(first.stdout).toContain(`paused: ${resting.reason}`);
  expect(resting.reason).toMatch(/^(?:1\d\d|200) records are dead, more than the 100 /);
  expect(first.stderr).toContain(`goes on with the run ${resting.run}.`);
  expect((await site.leat('status', resting.run)).stdout).toContain(`paused: ${resting.reason}`);

  expect(await site.dev(params).ended).toMatchObject({ code: 3 });
  expect(await report()).toMatchObject({
    run: resting.run,
    state: 'completed-with-dead-letters',
    records: { in: COUNT, saved: COUNT - 200, dead: 200 },
  });
  expect(await site.verify(resting.run)).toMatchObject({ code: 0 });
});
