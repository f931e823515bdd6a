import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, expectBalance, expectSquares } from '../support/deployment.ts';
import { until } from '../support/until.ts';

const COUNT = 1_500;

test.each<[string, string]>([
  ['a saver less', 'files'],
  ['a saver more', 'files,more,most'],
])('a mapper whose file has %s passes nothing on of a run', async (_, savers) => {
  await using site = await Deployment.create('edited.ts');
  // Twice what may be in flight: while the other mapper gives early chunks back, those that are held must
  // not be there yet to fill the hands of this one.
  const count = 4_000;
  const run = await site.start({ count, delayMs: 1, hold: count * 0.9 });
  site.service('fetcher');
  site.as({ EDIT_SAVERS: savers }).service('mapper');
  site.service('mapper');
  site.service('saver');
  await site.untilSaved(20, run, 'files');
  await site.letGo();
  await site.untilEnded();
  expectSquares(await site.exported(run, 'files'), count);
  expectSquares(await site.exported(run, 'more'), count);
  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', records: { in: count, saved: 2 * count } });
  expectBalance(report);
  expect(await site.leat('verify', run, site.file)).toMatchObject({ code: 0 });
});

test('a run whose every mapper or fetcher has another graph waits, and status says why', async () => {
  await using site = await Deployment.create('edited.ts');
  const edited = site.as({ EDIT_SAVERS: 'files' });
  const run = await site.start({ count: COUNT });
  const fetcher = edited.replica('fetcher');
  const troubleOf = async (stage: string): Promise<string | undefined> =>
    (await site.report(run)).troubles.find((trouble) => trouble.stage === stage)?.reason;
  const says = (stage: string) => async (): Promise<boolean> =>
    /does not fit this pipeline file: it was started as ".*>more" and the pipeline is now/.test(
      (await troubleOf(stage)) ?? '',
    );
  await until('the fetcher says why', says('numbers'), DEADLINE_MS);
  fetcher.kill('SIGTERM');
  const mapper = edited.replica('mapper');
  site.service('fetcher');
  site.service('saver');
  await until('the mapper says why', says('squares'), DEADLINE_MS);
  expect((await site.report(run)).records.saved).toBe(0);
  expect((await site.leat('status', run)).stdout).toContain('trouble     squares: The run');
  mapper.kill('SIGTERM');
  site.service('mapper');
  await site.untilEnded();
  expect(await site.report(run)).toMatchObject({ state: 'completed', troubles: [] });
  expectSquares(await site.exported(run, 'more'), COUNT);
});

test('a run that fits no pipeline file any more is cancelled all the same', async () => {
  await using site = await Deployment.create('edited.ts');
  const edited = site.as({ EDIT_SAVERS: 'files' });
  const run = await site.start({ count: COUNT, delayMs: 1, hold: COUNT * 0.5 });
  const fetcher = site.replica('fetcher');
  const others = [site.replica('mapper'), site.replica('saver')];
  await site.untilSaved(20, run, 'files');
  // Nothing is in flight but what the mapper holds; its fetcher dies without giving the run back.
  fetcher.kill('SIGKILL');
  await fetcher.ended;
  edited.replica('fetcher');
  const { stderr } = await site.leat('cancel', run);
  expect(stderr).toBe('');
  const report = await site.report(run);
  expect(report).toMatchObject({
    state: 'cancelled',
    reason: expect.stringMatching(/^it was ended without a fetcher: what savers have committed/),
  });
  expect(report.endedAt).not.toBeNull();
  for (const other of others) {
    other.kill('SIGTERM');
    expect(await other.ended).toMatchObject({ code: 0 });
  }
});

test('a rollout that only changes functions goes on, and the report names the versions', async () => {
  await using site = await Deployment.create('edited.ts');
  // Twice what may be in flight, so that the old mapper cannot have all of it.
  const count = 4_000;
  const run = await site.start({ count, delayMs: 1, hold: count / 2 });
  site.service('fetcher', '--code-version', 'v1');
  const old = site.replica('mapper', ['--code-version', 'v1']);
  site.service('saver', '--code-version', 'v1');
  await site.untilSaved(20, run, 'files');
  old.kill('SIGTERM');
  await until('it stops', () => old.stderr().includes('stopping: '), DEADLINE_MS);
  await site.letGo();
  await old.ended;
  site.service('mapper', '--code-version', 'v2');
  await site.untilEnded();
  const { state, versions } = await site.report(run);
  expect({ state, versions }).toEqual({
    state: 'completed',
    versions: { numbers: ['v1'], squares: ['v1', 'v2'], files: ['v1'], more: ['v1'] },
  });
  expect((await site.leat('status', run)).stdout).toContain(
    'code        squares in 2 versions: v1, v2',
  );
});
