import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Deployment, expectBalance, linesOf } from '../support/deployment.ts';

test('an effect is not done again when its mapper is killed before the acknowledgement', async () => {
  const env = { LEAT_ACK_WAIT_MS: '2000' };
  await using site = await Deployment.create('charges.ts', { env });
  const log = join(site.dir, 'charged');
  const run = await site.start({ log });
  site.service('fetcher');
  site.service('saver');
  const mappers = site.services('mapper', 2);
  await site.untilEnded();
  const ends = await Promise.all(mappers.map(({ ended }) => ended));
  expect(ends.filter(({ signal }) => signal === 'SIGKILL')).toHaveLength(1);

  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', records: { in: 60, saved: 60, dead: 0 } });
  expectBalance(report);
  const charged = linesOf<{ readonly n: number }>(await readFile(log, 'utf8'));
  const saved = await site.exported(run);
  expect(charged.toSorted((a, b) => a.n - b.n)).toEqual(saved);
  expect(saved).toEqual(
    Array.from({ length: 60 }, (_, n) => ({
      n,
      receipt: expect.stringContaining(`${run}/${Math.floor(n / 20)}/${n}/charge by `),
    })),
  );
});
