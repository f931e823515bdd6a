import { findNatsServer, startNatsServer } from '@leat/nats-server';
import type { RunReport } from '@leat/core';
import { expect, onTestFinished, test } from 'vitest';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { fixture, leat, spawnLeat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const PIPELINE = fixture('squares.ts');

/** Three services at work on one run, on a server of their own. */
async function setUp(params: readonly string[]) {
  const server = await startNatsServer({ binary: await findNatsServer() });
  onTestFinished(() => server.stop());
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const options = { cwd: dir.path, env: { NATS_URL: server.url } };
  const flags = params.flatMap((param) => ['--param', param]);
  expect(await leat(['start', PIPELINE, '--run', 'r1', ...flags], options)).toMatchObject({
    code: 0,
  });
  const roles = ['fetcher', 'mapper', 'mapper', 'saver'];
  const services = roles.map((role) => spawnLeat([role, PIPELINE, '--once'], options));
  onTestFinished(async () => {
    for (const service of services) await service[Symbol.asyncDispose]();
  });
  const report = async (): Promise<RunReport> => {
    const { stdout } = await leat(['status', 'r1', '--json'], options);
    return JSON.parse(stdout) as RunReport;
  };
  return { leat: (...args: string[]) => leat(args, options), services, report };
}

test('a paused run rests on every replica, and goes on when it is resumed', async () => {
  const run = await setUp(['count=20000', 'delayMs=20']);
  await until('some chunks are saved', async () => (await run.report()).chunks.saved > 5);
  expect(await run.leat('pause', 'r1')).toMatchObject({ code: 0 });
  await until('the run rests', async () => (await run.report()).state === 'paused');
  let before = await run.report();
  await until('what was in hand is finished', async () => {
    const [last, now] = [before, await run.report()];
    before = now;
    return last.chunks.saved === now.chunks.saved;
  });
  expect(await run.leat('resume', 'r1')).toMatchObject({ code: 0 });
  await until(
    'the run goes on',
    async () => (await run.report()).chunks.saved > before.chunks.saved,
  );
  const [fetcher] = await Promise.all(run.services.map(({ ended }) => ended));
  expect(fetcher).toMatchObject({ code: 0 });
  expect(await run.report()).toMatchObject({
    state: 'completed',
    records: { in: 20_000, saved: 20_000 },
  });
  expect(await run.leat('verify', 'r1')).toMatchObject({ code: 0 });
});

test('a run that rests keeps no other waiting', async () => {
  await using site = await Deployment.create('steady.ts');
  const first = await site.start({ count: 10_000, delayMs: 10 }, 'first');
  site.service('fetcher');
  site.service('mapper');
  site.service('saver');
  await site.untilSaved(10, first, 'steady');
  expect(await site.leat('pause', first)).toMatchObject({ code: 0 });
  const second = await site.start({ count: 1_000 }, 'second');
  await until(
    'the second run completes',
    async () => (await site.report(second)).state === 'completed',
    DEADLINE_MS,
  );
  expect(await site.report(first)).toMatchObject({ state: 'paused', endedAt: null });
  expect(await site.leat('resume', first)).toMatchObject({ code: 0 });
  await site.untilEnded();
  for (const [run, count] of [
    [first, 10_000],
    [second, 1_000],
  ] as const) {
    expect(await site.report(run)).toMatchObject({ state: 'completed', records: { saved: count } });
    expect(await site.leat('verify', run)).toMatchObject({ code: 0 });
  }
});

test('a cancelled run ends with what is saved, exactly, and nothing of it is left to do', async () => {
  await using site = await Deployment.create('steady.ts');
  const runs = ['r1', 'r2', 'r3', 'r4'];
  for (const run of runs) await site.start({ count: 1_000_000 }, run);
  const fetcher = site.service('fetcher');
  const stages = [...site.services('mapper', 2), ...site.services('saver', 3)];
  for (const run of runs) {
    await site.untilSaved(50, run, 'steady');
    expect(await site.leat('cancel', run)).toMatchObject({ code: 0 });
    await until('it ends', async () => (await site.report(run)).endedAt !== null, DEADLINE_MS);
    const report = await site.report(run);
    expect(report).toMatchObject({ state: 'cancelled' });
    expect(report).not.toHaveProperty('reason');
    expect(report.records.saved).toBeLessThan(1_000_000);
    const verified = await site.leat('verify', run);
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('as reported') });
  }
  expect(await fetcher.ended).toMatchObject({ code: 1 });
  // What is broken off by a cancellation is no error.
  for (const each of stages) expect(each.stderr()).not.toContain('given back');
  expect(await site.leat('cancel', 'r4')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has ended (cancelled)'),
  });
});

test('a cancelled run does not wait for a saver for ever, and its report says so', async () => {
  await using site = await Deployment.create('steady.ts');
  const run = await site.start({ count: 1_000_000 });
  site.service('fetcher');
  site.service('mapper');
  const saver = site.service('saver');
  await site.untilSaved(50, run, 'steady');
  saver.kill('SIGSTOP');
  expect(await site.leat('cancel', run)).toMatchObject({ code: 0 });
  await until('it ends', async () => (await site.report(run)).endedAt !== null, DEADLINE_MS);
  const { state, reason } = await site.report(run);
  expect(state).toBe('cancelled');
  expect(reason).toMatch(/^\d+ chunks were not let go of by any saver within 10 s: /);
});
