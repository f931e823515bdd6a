import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';

const COUNT = 6_000;
const CHUNKS = 300;
const STAGES = ['squares', 'files'];

type Wipe = (manager: JetStreamManager, run: string) => Promise<unknown>;

const WIPES: readonly { readonly what: string; readonly wipe: Wipe }[] = [
  {
    what: 'the streams in front of all stages',
    wipe: (manager) =>
      Promise.all(STAGES.map((stage) => manager.streams.delete(`leat_steady_${stage}`))),
  },
  {
    what: 'the receipts',
    wipe: (manager) => manager.streams.delete('leat_steady_receipts'),
  },
  {
    what: 'every consumer',
    wipe: (manager, run) =>
      Promise.all([
        ...STAGES.map((stage) => manager.consumers.delete(`leat_steady_${stage}`, stage)),
        manager.consumers.delete('leat_steady_receipts', `run-${run}`),
      ]),
  },
  {
    what: 'the messages of all streams',
    wipe: (manager) =>
      Promise.all(
        [...STAGES, 'receipts'].map((stage) => manager.streams.purge(`leat_steady_${stage}`)),
      ),
  },
  {
    what: 'the key-value bucket',
    wipe: (manager) => manager.streams.delete('KV_leat_steady'),
  },
  {
    what: 'everything',
    wipe: async (manager) => {
      for await (const name of manager.streams.names()) await manager.streams.delete(name);
    },
  },
];

test.each(WIPES)(
  'the broker forgets $what, and the run completes all the same',
  async ({ wipe }) => {
    await using site = await Deployment.create('steady.ts', { env: { LEAT_ACK_WAIT_MS: '2000' } });
    const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.8 });
    site.service('fetcher');
    site.services('mapper', 2);
    site.service('saver');

    await site.untilSaved(CHUNKS * 0.4, run, 'steady');
    const connection = await connect({ servers: site.server.url });
    try {
      await wipe(await jetstreamManager(connection), run);
    } finally {
      await connection.close();
    }
    await site.letGo();
    await site.untilEnded();

    const report = await site.report(run);
    expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
    expectBalance(report);
    expect(await site.verify(run)).toMatchObject({ code: 0 });
    expectSquares(await site.exported(run), COUNT);
  },
);
