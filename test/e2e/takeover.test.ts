import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, expectBalance, expectSquares } from '../support/deployment.ts';
import { until } from '../support/until.ts';

const COUNT = 10_000;
const CHUNKS = 500;

test('a standby takes over from a fetcher that is silent, and the silent one finds out when it wakes', async () => {
  await using site = await Deployment.create('steady.ts', { env: { LEAT_ACK_WAIT_MS: '2000' } });
  const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.8 });
  const active = site.service('fetcher');
  await until('the run has a fetcher', () => active.stderr().includes('run started'), DEADLINE_MS);
  const standby = site.service('fetcher');
  site.services('mapper', 2);
  site.service('saver');

  await site.untilSaved(CHUNKS * 0.3, run, 'steady');
  active.kill('SIGSTOP');
  // Without a checkpoint there is nothing to resume: a second has not passed by then everywhere.
  const takesOver = (): boolean => /run (?:resumed|started)/.test(standby.stderr());
  await until('takeover', takesOver, DEADLINE_MS);
  active.kill('SIGCONT');
  const hasFoundOut = (): boolean => active.stderr().includes('Another fetcher has taken over');
  await until('the silent one has found out', hasFoundOut, DEADLINE_MS);
  // Or else it could take over in its turn.
  active.kill('SIGTERM');
  expect(await active.ended).toMatchObject({ code: 0 });
  await site.letGo();
  await site.untilEnded();

  expect(active.stderr()).not.toContain('run ended');
  expect(standby.stderr()).toContain('run ended');
  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(run), COUNT);
});
