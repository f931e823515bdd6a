import { MINIMUM_VERSION } from '@leat/nats-server';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';

const COUNT = 10_000;
const CHUNKS = 500;
/** So that what a dead replica held comes to another after two seconds. */
const env = { LEAT_ACK_WAIT_MS: '2000' };

/** The position in the dataset of every chunk that is put on the queue of a stage, as often as it is. */
async function watchSends(
  url: string,
  stage: string,
): Promise<AsyncDisposable & { readonly sent: number[]; readonly untilSeen: () => Promise<void> }> {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1 });
  const sent: number[] = [];
  connection.subscribe(`leat.v1.steady.${stage}.*`, {
    callback: (_, message) => {
      sent.push(Number(message.headers?.get('Leat-Chunk')));
    },
  });
  await connection.flush();
  const untilSeen = (): Promise<void> => connection.flush();
  return { sent, untilSeen, [Symbol.asyncDispose]: () => connection.close() };
}

test.each([{ version: MINIMUM_VERSION }, { version: undefined }])(
  'a mapper, a saver and the fetcher are killed on nats-server $version, and nothing is lost or twice',
  async ({ version }) => {
    await using site = await Deployment.create('steady.ts', { env, ...(version && { version }) });
    await using queue = await watchSends(site.server.url, 'squares');
    const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.7 });
    const fetcher = site.service('fetcher');
    const [mapper] = site.services('mapper', 3);
    const [saver] = site.services('saver', 2);

    await site.untilSaved(CHUNKS * 0.15, run, 'steady');
    mapper?.kill('SIGKILL');
    await site.untilSaved(CHUNKS * 0.3, run, 'steady');
    saver?.kill('SIGKILL');
    await site.untilSaved(CHUNKS * 0.5, run, 'steady');
    fetcher.kill('SIGKILL');
    await fetcher.ended;
    const { chunks, state } = await site.report(run);
    expect(state).toBe('running');
    expect(chunks.total).toBeLessThan(CHUNKS);
    await queue.untilSeen();
    const before = queue.sent.length;
    await site.letGo();
    site.service('fetcher');
    await site.untilEnded();

    const report = await site.report(run);
    expect(report).toMatchObject({ state: 'completed', chunks: { total: CHUNKS } });
    expect(report.records).toMatchObject({ in: COUNT, saved: COUNT, filtered: 0, dead: 0 });
    expectBalance(report);
    expect(await site.verify(run)).toMatchObject({ code: 0 });
    expectSquares(await site.exported(run), COUNT);
    // The new fetcher goes on where the checkpoint ends: what came before is not sent again.
    const sentBefore = new Set(queue.sent.slice(0, before).filter((seq) => seq < chunks.total));
    expect(sentBefore.size).toBeGreaterThan(CHUNKS * 0.25);
    expect(queue.sent.slice(before).filter((seq) => sentBefore.has(seq))).toEqual([]);
  },
);

test('each role is killed, and the parts in front of a join are removed: nothing is lost or twice', async () => {
  await using site = await Deployment.create('joined.ts', { env });
  const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.7 });
  const fetcher = site.service('fetcher');
  const [mapper] = site.services('mapper', 3);
  const [saver] = site.services('saver', 2);

  await site.untilSaved(CHUNKS * 0.15, run, 'joined');
  mapper?.kill('SIGKILL');
  await site.untilSaved(CHUNKS * 0.3, run, 'joined');
  saver?.kill('SIGKILL');
  const nats = await connect({ servers: site.server.url });
  const manager = await jetstreamManager(nats);
  await manager.streams.purge('leat_joined_both');
  await nats.close();
  await site.untilSaved(CHUNKS * 0.5, run, 'joined');
  fetcher.kill('SIGKILL');
  await fetcher.ended;
  expect((await site.report(run)).chunks.total).toBeLessThan(CHUNKS);
  await site.letGo();
  site.service('fetcher');
  await site.untilEnded();

  const report = await site.report(run);
  const filtered = COUNT / 10;
  expect(report).toMatchObject({ state: 'completed', chunks: { total: CHUNKS } });
  expect(report.records).toMatchObject({ in: COUNT, saved: COUNT - filtered, filtered, dead: 0 });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  const found = await site.exported<{ n: number; square: number; isEven: boolean }>(run);
  const left = Array.from({ length: COUNT }, (_, n) => n).filter((n) => n % 10 !== 7);
  expect(found).toEqual(left.map((n) => ({ n, square: n * n, isEven: n % 2 === 0 })));
});
