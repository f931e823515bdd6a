import { MINIMUM_VERSION } from '@leat/nats-server';
import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';

const COUNT = 8_000;
const CHUNKS = 400;

test.each([{ version: MINIMUM_VERSION }, { version: undefined }])(
  'nats-server $version is killed, and later stopped, and each time started again',
  async ({ version }) => {
    const env = { LEAT_ACK_WAIT_MS: '2000' };
    await using site = await Deployment.create('steady.ts', { env, ...(version && { version }) });
    const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.9 });
    site.service('fetcher');
    site.services('mapper', 3);
    site.services('saver', 2);

    await site.untilSaved(CHUNKS * 0.25, run, 'steady');
    await site.server.kill('SIGKILL');
    await site.server.restart();
    await site.untilSaved(CHUNKS * 0.6, run, 'steady');
    await site.server.restart();
    await site.letGo();
    await site.untilEnded();

    const report = await site.report(run);
    expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
    expectBalance(report);
    expect(await site.verify(run)).toMatchObject({ code: 0 });
    expectSquares(await site.exported(run), COUNT);
  },
);
