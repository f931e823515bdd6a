import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';

const COUNT = 8_000;
const CHUNKS = 400;

test('all services and the server are killed at once, and started again', async () => {
  await using site = await Deployment.create('steady.ts', { env: { LEAT_ACK_WAIT_MS: '2000' } });
  const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.8 });
  for (const share of [0.2, 0.5]) {
    const all = [site.service('fetcher'), ...site.services('mapper', 2), site.service('saver')];
    await site.untilSaved(CHUNKS * share, run, 'steady');
    for (const each of all) each.kill('SIGKILL');
    await site.server.kill('SIGKILL');
    await Promise.all(all.map(({ ended }) => ended));
    await site.server.restart();
  }
  await site.letGo();
  site.service('fetcher');
  site.services('mapper', 2);
  site.service('saver');
  await site.untilEnded();

  const report = await site.report(run);
  expect(report).toMatchObject({ run, state: 'completed', records: { in: COUNT, saved: COUNT } });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(run), COUNT);
});
