import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';

test('two runs of one pipeline at the same time do not mix', async () => {
  // Nothing that is in hand may come again because the machine is busy.
  await using site = await Deployment.create('steady.ts', { env: { LEAT_ACK_WAIT_MS: '60000' } });
  const counts = [6_000, 10_000];
  const runs: string[] = [];
  for (const count of counts) runs.push(await site.start({ count, delayMs: 100 }, `of-${count}`));
  site.services('fetcher', 2);
  site.services('mapper', 2);
  site.services('saver', 2);
  // Both are under way before either has ended.
  for (const run of runs) await site.untilSaved(30, run, 'steady');
  for (const run of runs) expect(await site.report(run)).toMatchObject({ state: 'running' });
  await site.letGo();
  await site.untilEnded();

  for (const [at, run] of runs.entries()) {
    const count = counts[at] as number;
    const report = await site.report(run);
    expect(report).toMatchObject({ run: `of-${count}`, state: 'completed', duplicatesIgnored: 0 });
    expect(report.records).toMatchObject({ in: count, saved: count });
    expectBalance(report);
    expect(await site.verify(run)).toMatchObject({ code: 0 });
    expectSquares(await site.exported(run), count);
  }
});
