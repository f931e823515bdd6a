import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';

const COUNT = 1_600;
const PARAMS = ['--param', `count=${COUNT}`, '--param', `hold=${COUNT / 2}`];

/** A run that has come half-way when all of its services are killed. */
async function halfWay(): Promise<{ site: Deployment; run: string }> {
  const site = await Deployment.create('edited.ts', { env: { EDIT_SAVERS: 'files' } });
  const run = await site.start({ count: COUNT, hold: COUNT / 2 }, 'daily');
  const roles = ['fetcher', 'mapper', 'saver'] as const;
  const services = roles.map((role) => site.service(role));
  await site.untilSaved(35, run, 'files');
  for (const service of services) service.kill('SIGKILL');
  await Promise.all(services.map(({ ended }) => ended));
  return { site, run };
}

function goOn(site: Deployment): void {
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.service(role);
}

async function forgetEverything(site: Deployment): Promise<void> {
  const nats = await connect({ servers: site.server.url });
  try {
    const manager = await jetstreamManager(nats);
    for await (const name of manager.streams.names()) await manager.streams.delete(name);
  } finally {
    await nats.close();
  }
}

test.each(['50', '7'])(
  'a run goes on with its own chunk size when the file says %s',
  async (chunkSize) => {
    const { site, run } = await halfWay();
    await using _ = site;
    await site.letGo();
    goOn(site.as({ EDIT_CHUNK_SIZE: chunkSize }));
    await site.untilEnded();
    const report = await site.report(run);
    expect(report).toMatchObject({
      state: 'completed',
      records: { in: COUNT, saved: COUNT },
      chunks: { total: COUNT / 20 },
    });
    expectBalance(report);
    expectSquares(await site.exported(run), COUNT);
    expect(await site.leat('verify', run, site.file)).toMatchObject({ code: 0 });
  },
);

test('a run that is started again by its id on an empty server is refused with another chunk size', async () => {
  const { site, run } = await halfWay();
  await using _ = site;
  await forgetEverything(site);
  const edited = site.as({ EDIT_CHUNK_SIZE: '50' });
  await edited.leat('start', site.file, '--run', run, '--recover', ...PARAMS);
  expect(await edited.service('fetcher').ended).toMatchObject({ code: 1 });
  expect(await site.report(run)).toMatchObject({
    state: 'failed',
    reason: expect.stringMatching(/has a run daily with chunkSize 20 .* now has 50 /),
  });
});

test.each<[string, Readonly<Record<string, string>>]>([
  ['records', { EDIT_FIRST: '1' }],
  ['no edit', {}],
])('a run that is recovered from its sinks after %s', async (what, env) => {
  const { site, run } = await halfWay();
  await using _ = site;
  await forgetEverything(site);
  await site.letGo();
  const edited = site.as(env);
  const args = ['--run', run, '--recover', ...PARAMS];
  expect(await edited.leat('start', site.file, ...args)).toMatchObject({ code: 0 });
  const fetcher = edited.service('fetcher');
  edited.service('mapper');
  edited.service('saver');
  const { code } = await fetcher.ended;
  const report = await site.report(run);
  if (what === 'records') {
    expect({ code, ...report }).toMatchObject({
      code: 1,
      state: 'failed',
      reason: expect.stringContaining('The dataset is not what it was'),
    });
    return;
  }
  expect({ code, ...report }).toMatchObject({ code: 0, state: 'completed' });
  await site.untilEnded();
  expectSquares(await site.exported(run), COUNT);
  expect(await site.leat('verify', run, site.file)).toMatchObject({ code: 0 });
});
