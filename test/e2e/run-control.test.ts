import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { spawnLeat } from '../support/leat.ts';
import { until } from '../support/until.ts';

test('a paused run rests on every replica, and goes on when it is resumed', async () => {
  await using site = await Deployment.create('steady.ts');
  const run = await site.start({ count: 3_000, delayMs: 100 });
  site.service('fetcher');
  site.services('mapper', 2);
  site.service('saver');
  await site.untilSaved(5, run, 'steady');
  expect(await site.leat('pause', run)).toMatchObject({ code: 0 });
  const rests = async (): Promise<boolean> => (await site.report(run)).state === 'paused';
  await until('the run rests', rests, DEADLINE_MS);
  let before = await site.report(run);
  await until(
    'what was in hand is finished',
    async () => {
      const [last, now] = [before, await site.report(run)];
      before = now;
      return last.chunks.saved === now.chunks.saved;
    },
    DEADLINE_MS,
  );
  await using watching = spawnLeat(['status', run, '--watch', '--json'], {
    cwd: site.dir,
    env: { NATS_URL: site.server.url },
  });
  await until('it is watched', () => watching.stdout() !== '', DEADLINE_MS);
  watching.kill('SIGINT');
  expect(await watching.ended).toMatchObject({ code: 130 });
  expect(await site.leat('resume', run, '--json')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('"pipeline": "steady"'),
  });
  await site.letGo();
  expect(await site.leat('status', run, '--watch')).toMatchObject({ code: 0 });
  await site.untilEnded();
  expect(await site.report(run)).toMatchObject({
    state: 'completed',
    records: { in: 3_000, saved: 3_000 },
  });
  expect(await site.verify(run)).toMatchObject({ code: 0 });
});

test('a run that rests keeps no other waiting', async () => {
  await using site = await Deployment.create('steady.ts');
  const first = await site.start({ count: 3_000, delayMs: 100 }, 'first');
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
  await site.letGo();
  await site.untilEnded();
  for (const [run, count] of [
    [first, 3_000],
    [second, 1_000],
  ] as const) {
    expect(await site.report(run)).toMatchObject({ state: 'completed', records: { saved: count } });
    expect(await site.verify(run)).toMatchObject({ code: 0 });
  }
});

test('a cancelled run ends with what is saved, exactly, and nothing of it is left to do', async () => {
  await using site = await Deployment.create('steady.ts');
  const runs = ['r1', 'r2'];
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
    const verified = await site.verify(run);
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('as reported') });
  }
  expect(await fetcher.ended).toMatchObject({ code: 1 });
  expect(await site.leat('status', 'r2', '--watch')).toMatchObject({ code: 1 });
  // What is broken off by a cancellation is no error.
  for (const each of stages) expect(each.stderr()).not.toContain('given back');
  expect(await site.leat('cancel', 'r2')).toMatchObject({
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
  expect(reason).toMatch(/^\d+ chunks were still on the savers' queues after 10 s: /);
});
