import { expect, test } from 'vitest';
import { Deployment, expectSquares } from '../support/deployment.ts';

const COUNT = 10_000;
const CHUNKS = 500;

test('replicas that are asked to stop finish what they hold, and nobody does it again', async () => {
  // What was left in hand would come again, and the test would wait for it.
  await using site = await Deployment.create('steady.ts', { env: { LEAT_ACK_WAIT_MS: '60000' } });
  const run = await site.start({ count: COUNT, delayMs: 20 });
  site.service('fetcher');
  const mappers = site.services('mapper', 2);
  const savers = site.services('saver', 2);
  await site.untilReady(...mappers, ...savers);
  const [[mapper], [saver]] = [mappers, savers];

  await site.untilSaved(CHUNKS * 0.2, run, 'steady');
  mapper?.kill('SIGTERM');
  expect(await mapper?.ended).toMatchObject({ code: 0, signal: null });
  site.service('mapper');
  await site.untilSaved(CHUNKS * 0.5, run, 'steady');
  saver?.kill('SIGTERM');
  expect(await saver?.ended).toMatchObject({ code: 0, signal: null });
  await site.untilEnded();

  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', duplicatesIgnored: 0, retries: 0 });
  expectSquares(await site.exported(run), COUNT);
});
