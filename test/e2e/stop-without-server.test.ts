import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { until } from '../support/until.ts';

const COUNT = 4_000;

test('a fetcher that is asked to stop while the server is away ends, and the run can go on', async () => {
  await using site = await Deployment.create('steady.ts');
  const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.9 });
  const first = site.service('fetcher');
  site.service('mapper');
  site.service('saver');
  await site.untilSaved(20, run, 'steady');
  await site.server.kill('SIGKILL');
  const isWaiting = (): boolean => first.stderr().includes('ledger not written yet');
  await until('the fetcher waits for the server', isWaiting, DEADLINE_MS);

  first.kill('SIGTERM');
  // What it could not write is in the receipts: there is nothing to wait for once its lease has run out.
  expect(await first.ended).toMatchObject({ code: 0, signal: null });
  expect(first.stderr()).toContain('could not be written before its lease ran out');

  await site.server.restart();
  site.service('fetcher');
  await site.letGo();
  await site.untilEnded();
  expect(await site.report(run)).toMatchObject({
    state: 'completed',
    records: { in: COUNT, saved: COUNT },
  });
  expect(await site.verify(run)).toMatchObject({ code: 0 });
});
