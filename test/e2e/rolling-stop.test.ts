import { expect, test } from 'vitest';
import { Deployment, expectSquares } from '../support/deployment.ts';

const COUNT = 16_000;
const CHUNKS = 800;

test('replicas that are asked to stop finish what they hold, and nobody does it again', async () => {
  // With the acknowledgement window of ten seconds that users have.
  await using site = await Deployment.create('steady.ts');
  const run = await site.start({ count: COUNT, delayMs: 20 });
  site.service('fetcher');
  const [mapper] = site.services('mapper', 2);
  const [saver] = site.services('saver', 2);

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
