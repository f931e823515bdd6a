import { formatChunkId } from '@leat/core';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';
import { SavedFolder } from '../support/saved-folder.ts';

const COUNT = 6_000;
const CHUNKS = 300;

test('a run that is recovered on an empty broker goes on from what the sink has', async () => {
  await using site = await Deployment.create('steady.ts');
  const params = { count: COUNT, delayMs: 10, hold: COUNT * 0.8 };
  const run = await site.start(params);
  const services = [site.service('fetcher'), site.service('mapper'), site.service('saver')];
  await site.untilSaved(CHUNKS * 0.4, run, 'steady');
  for (const service of services) service.kill('SIGKILL');
  await Promise.all(services.map(({ ended }) => ended));

  const connection = await connect({ servers: site.server.url });
  try {
    await forgetEverything(connection);
    expect((await site.leat('status', run)).code).not.toBe(0);
    const folder = new SavedFolder(site.out('steady', run));
    const saved = (await folder.chunks()).map((id) => formatChunkId(id));
    expect(saved.length).toBeGreaterThanOrEqual(CHUNKS * 0.4);
    const sent: string[] = [];
    connection.subscribe(`leat.v1.steady.squares.${run}`, {
      callback: (_, message) => {
        sent.push(message.headers?.get('Leat-Chunk') ?? '');
      },
    });
    await connection.flush();

    await site.letGo();
    expect(await site.start(params, run, '--recover')).toBe(run);
    const fetcher = site.service('fetcher');
    site.services('mapper', 2);
    site.service('saver');
    await site.untilEnded();

    expect(fetcher.stderr()).toContain('ledger rebuilt from the sinks');
    const report = await site.report(run);
    expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
    expectBalance(report);
    expect(await site.verify(run)).toMatchObject({ code: 0 });
    expectSquares(await site.exported(run), COUNT);
    await connection.flush();
    expect(sent.length).toBeGreaterThanOrEqual(CHUNKS - saved.length);
    expect(sent.filter((chunk) => saved.includes(chunk))).toEqual([]);
  } finally {
    await connection.close();
  }
});

async function forgetEverything(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  for await (const name of manager.streams.names()) await manager.streams.delete(name);
}
