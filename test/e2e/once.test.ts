import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, expectBalance, linesOf } from '../support/deployment.ts';

test(
  'an effect is not done again when its mapper is killed before the acknowledgement',
  async () => {
    const env = { LEAT_ACK_WAIT_MS: '2000' };
    await using site = await Deployment.create('charges.ts', { env });
    const log = join(site.dir, 'charged');
    const run = await site.start({ log });
    site.service('fetcher');
    site.service('saver');
    // Each chunk kills one of them.
    for (const mapper of site.services('mapper', 3)) {
      void mapper.ended;
    }
    const last = site.service('mapper');
    await site.untilEnded();
    expect((await last.ended).signal).toBeOneOf(['SIGKILL', null]);

    const report = await site.report(run);
    expect(report).toMatchObject({ state: 'completed', records: { in: 60, saved: 60, dead: 0 } });
    expectBalance(report);
    const charged = linesOf<number>(await readFile(log, 'utf8'));
    expect(charged.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    const saved = await site.exported<{ readonly n: number; readonly receipt: string }>(run);
    expect(saved).toEqual(
      Array.from({ length: 60 }, (_, n) => ({
        n,
        receipt: `${run}/${Math.floor(n / 20)}/${n}/charge was ${charged.indexOf(n) + 1}`,
      })),
    );
  },
  DEADLINE_MS,
);
