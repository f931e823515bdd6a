import {
  FIRST_CHECKPOINT,
  formatReceipt,
  NO_COUNTS,
  type Receipt,
  receiptsConsumer,
  type RunProgress,
} from '@leat/core';
import { type ReceiptDelivery, receiveReceipts, ReceiptSender } from '@leat/runtime';
import { headers } from '@nats-io/transport-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  lineSpec,
  NEVER,
  openPipeline,
  type OpenPipeline,
  SERVERS,
  sharedServer,
  startServer,
} from '../support/jetstream.ts';
import { until } from '../support/until.ts';

const AT = '2026-11-22T10:00:00.000Z';
const PROGRESS: RunProgress = {
  state: 'running',
  holder: 'me',
  fence: 1,
  startedAt: AT,
  updatedAt: AT,
  ledger: FIRST_CHECKPOINT,
};

const receiptOf = (seq: number): Receipt => ({
  chunk: `${seq}`,
  counts: { ...NO_COUNTS, in: 1 },
  digest: 'a'.repeat(32),
  fence: 1,
  buried: [],
});

const seqsOf = (deliveries: readonly ReceiptDelivery[]): number[] =>
  deliveries.flatMap(({ receipts }) => receipts.map(({ chunk }) => Number(chunk)));

/** Reads receipts until the test ends or it is stopped. */
async function startReading(
  { connection, logger }: OpenPipeline,
  born?: string,
): Promise<{
  readonly deliveries: ReceiptDelivery[];
  readonly held: () => number;
  readonly stop: () => Promise<void>;
}> {
  const deliveries: ReceiptDelivery[] = [];
  const stop = new AbortController();
  const stream = await receiveReceipts({
    connection,
    run: 'run-1',
    born,
    handle: (delivery) => void deliveries.push(delivery),
    signal: stop.signal,
    logger,
  });
  const end = async (): Promise<void> => {
    stop.abort();
    await stream.done;
  };
  onTestFinished(end);
  return { deliveries, held: stream.held, stop: end };
}

describe.each(SERVERS)('runs on $server', ({ version }) => {
  const server = sharedServer(version);

  test('are wished to rest only while their operator wants them to go on', async () => {
    const { connection } = await openPipeline(server());
    const { runs } = connection;
    expect(await runs.wishes.change('run-1', 'run', 'pause')).toBe(true);
    expect(await runs.wishes.get('run-1')).toBe('pause');
    expect(await runs.wishes.change('run-1', 'run', 'pause')).toBe(false);
    expect(await runs.wishes.change('run-1', 'pause', 'run')).toBe(true);
    await runs.wishes.set('run-1', 'cancel');
    expect(await runs.wishes.change('run-1', 'run', 'pause')).toBe(false);
    expect(await runs.wishes.get('run-1')).toBe('cancel');
    // Of many who want it at the same time, one has done it.
    const all = Array.from({ length: 8 }, () => runs.wishes.change('run-2', 'run', 'pause'));
    expect((await Promise.all(all)).filter(Boolean)).toHaveLength(1);
  });

  test('are created once, listed in order, and found again', async () => {
    const { connection } = await openPipeline(server());
    const { runs, spec } = connection;
    const request = { pipeline: spec.name, params: { a: 'é' }, spec };
    for (const [run, createdAt] of [
      ['second', '2026-11-22T10:00:01.000Z'],
      ['first', AT],
    ] as const) {
      await runs.create({ ...request, run, createdAt });
    }
    await expect(runs.create({ ...request, run: 'first', createdAt: AT })).rejects.toMatchObject({
      code: 'run-exists',
    });
    expect((await runs.list()).map(({ run }) => run)).toEqual(['first', 'second']);
    expect(await runs.get('first')).toEqual({ ...request, run: 'first', createdAt: AT });
    expect(await runs.get('third')).toBeUndefined();
    expect(await runs.progress('first')).toBeUndefined();
  });

  test('that had ended are seen again if they are begun again in a new bucket', async () => {
    const { connection } = await openPipeline(server());
    const { runs, spec, manager, topology, repair } = connection;
    const request = { run: 'again', pipeline: spec.name, params: {}, spec, createdAt: AT };
    await runs.create(request);
    await runs.save('again', { ...PROGRESS, state: 'completed' }, 0);
    expect(await runs.listOpen()).toEqual([]);
    await manager.streams.delete(`KV_${topology.bucket}`);
    await repair();
    await runs.create(request);
    expect(await runs.listOpen()).toEqual([request]);
  });

  test('of two that write progress one wins, the other has lost its lease', async () => {
    const spec = lineSpec();
    const all = [await openPipeline(server(), spec), await openPipeline(server(), spec)];
    const [mine, other] = all.map(({ connection }) => connection.runs);
    const first = await Promise.allSettled([
      mine!.save('r', PROGRESS, 0),
      other!.save('r', { ...PROGRESS, holder: 'other' }, 0),
    ]);
    const won = first.filter(({ status }) => status === 'fulfilled');
    const lost = first.filter(({ status }) => status === 'rejected');
    expect([won.length, lost.length]).toEqual([1, 1]);
    expect(lost[0]).toMatchObject({ reason: { code: 'lease-lost' } });

    const { revision } = (await mine!.progress('r'))!;
    const next = await mine!.save('r', { ...PROGRESS, fence: 2 }, revision);
    await expect(other!.save('r', { ...PROGRESS, fence: 3 }, revision)).rejects.toMatchObject({
      code: 'lease-lost',
    });
    expect(await other!.progress('r')).toMatchObject({
      progress: { ...PROGRESS, fence: 2 },
      revision: next,
    });
  });

  test('a write whose answer is lost fails, and a later look tells whether it counted', async () => {
    const own = await startServer(version);
    const { connection } = await openPipeline(own);
    const revision = await connection.runs.save('r', PROGRESS, 0);
    await own.kill('SIGKILL');
    const lost = connection.runs.save('r', { ...PROGRESS, fence: 2 }, revision);
    await expect(lost).rejects.not.toMatchObject({ code: 'lease-lost' });
    await own.restart();
    await until('connected', () => connection.link.isUp);
    const found = (await connection.runs.progress('r'))!;
    const next = await connection.runs.save('r', { ...PROGRESS, fence: 3 }, found.revision);
    expect(next).toBeGreaterThan(revision);
  });

  test('a bucket that was lost and made again has no revision that was there before', async () => {
    const { connection } = await openPipeline(server(), lineSpec());
    let revision = await connection.runs.save('r', PROGRESS, 0);
    for (let more = 0; more < 3; more++) {
      revision = await connection.runs.save('r', PROGRESS, revision);
    }
    await connection.manager.streams.delete(`KV_${connection.topology.bucket}`);
    await connection.repair();
    const successor = { ...PROGRESS, holder: 'successor' };
    const made = await connection.runs.save('r', successor, 0);
    expect(made).toBeGreaterThan(revision);
    await expect(connection.runs.save('r', PROGRESS, revision)).rejects.toMatchObject({
      code: 'lease-lost',
    });
  });
});

describe.each(SERVERS)('receipts on $server', ({ version }) => {
  const server = sharedServer(version);

  test('go many in a message, and none is lost', async () => {
    const open = await openPipeline(server());
    const sender = new ReceiptSender(open.connection, NEVER);
    await Promise.all(
      Array.from({ length: 2_000 }, (_, seq) => sender.send({ run: 'run-1' }, receiptOf(seq))),
    );
    const { state } = await open.connection.manager.streams.info(
      open.connection.topology.receipts.name,
    );
    expect(state.messages).toBeLessThan(20);
    const { deliveries } = await startReading(open);
    await until('all are read', () => seqsOf(deliveries).length === 2_000);
    expect(new Set(seqsOf(deliveries)).size).toBe(2_000);
  });

  test('stay until they are acknowledged: the next reader gets them, at once', async () => {
    const spec = lineSpec();
    const open = await openPipeline(server(), spec, { ackWaitMs: 120_000 });
    const sender = new ReceiptSender(open.connection, NEVER);
    const reader = await openPipeline(server(), spec, { ackWaitMs: 120_000 });
    const died = await startReading(reader);
    for (let seq = 0; seq < 5; seq++) await sender.send({ run: 'run-1' }, receiptOf(seq));
    await until('read', () => seqsOf(died.deliveries).length === 5);
    died.deliveries[0]?.ack(); // a checkpoint had it
    expect(died.held()).toBe(died.deliveries.length - 1);
    await died.stop();
    await reader.connection.close();

    const successor = await startReading(open);
    await until('read again', () => seqsOf(successor.deliveries).length === 4);
    const missing = seqsOf(died.deliveries.slice(1));
    expect(new Set(seqsOf(successor.deliveries))).toEqual(new Set(missing));
    for (const { ack } of successor.deliveries) ack();
    const { manager, topology } = open.connection;
    await until('all are gone', async () => {
      return (await manager.streams.info(topology.receipts.name)).state.messages === 0;
    });
  });

  test('that were in the hand of a reader which died come to the next one at once', async () => {
    const open = await openPipeline(server(), lineSpec(), { ackWaitMs: 120_000 });
    await (await startReading(open)).stop();
    await new ReceiptSender(open.connection, NEVER).send({ run: 'run-1' }, receiptOf(7));
    const { client, topology } = open.connection;
    const died = await client.consumers.get(topology.receipts.name, receiptsConsumer('run-1'));
    expect(await died.next({ expires: 30_000 })).not.toBeNull();

    const successor = await startReading(open);
    await until('read again', () => seqsOf(successor.deliveries).length === 1);
    expect(seqsOf(successor.deliveries)).toEqual([7]);
  });

  test.each<[string, string | undefined, readonly number[]]>([
    ['a run with a mark', '00000000000b1', [1, 3]],
    ['a run of an earlier version', undefined, [3]],
  ])('of another run with the id of %s are dropped', async (_, born, mine) => {
    const open = await openPipeline(server());
    const sender = new ReceiptSender(open.connection, NEVER);
    // In one turn of the event loop, and so in as few messages as can be.
    await Promise.all([
      sender.send({ run: 'run-1', born: '00000000000b1' }, receiptOf(1)),
      sender.send({ run: 'run-1', born: '00000000000b2' }, receiptOf(2)),
      sender.send({ run: 'run-1' }, receiptOf(3)), // from a replica of an earlier version
    ]);
    const { deliveries, held } = await startReading(open, born);
    const { manager, topology } = open.connection;
    const left = async (): Promise<number> =>
      (await manager.streams.info(topology.receipts.name)).state.messages;
    await until('the others are dropped', async () => (await left()) === mine.length);
    await until('its own are read', () => seqsOf(deliveries).length === mine.length);
    expect(seqsOf(deliveries).toSorted((a, b) => a - b)).toEqual(mine);
    expect(held()).toBe(mine.length);
    for (const { ack } of deliveries) ack();
    await until('all are gone', async () => (await left()) === 0);
    expect(open.logger.at('warn')).toContain('receipts of another run with this id dropped');
  });

  test('have the checksum of the source with them', async () => {
    const open = await openPipeline(server());
    const sender = new ReceiptSender(open.connection, NEVER);
    await sender.send({ run: 'run-1' }, { ...receiptOf(1), source: '00c0ffee' });
    const { deliveries } = await startReading(open);
    await until('read', () => deliveries.length === 1);
    expect(deliveries[0]?.receipts).toEqual([{ ...receiptOf(1), source: '00c0ffee' }]);
  });

  test('say in which sink their chunks are, and nothing that Leat did not write', async () => {
    const open = await openPipeline(server());
    const sender = new ReceiptSender(open.connection, NEVER);
    const sink = { saver: 'out', mark: 'a-1', place: 'the folder é' };
    await sender.send({ run: 'run-1' }, receiptOf(0), sink);
    await sender.send({ run: 'run-1' }, receiptOf(1));
    await sender.send({ run: 'run-1' }, receiptOf(2), { ...sink, mark: '' });
    const header = headers();
    header.set('Leat-Sink', '%E0');
    const { client, spec } = open.connection;
    const subject = `leat.v1.${spec.name}.receipts.run-1`;
    await client.publish(subject, formatReceipt(receiptOf(3)), { headers: header });
    const { deliveries } = await startReading(open);
    await until('all are read', () => deliveries.length === 4);
    expect(deliveries.map((each) => each.sink)).toEqual([sink, undefined, undefined, undefined]);
  });

  test('that nobody can read are told, and do not keep the others away', async () => {
    const open = await openPipeline(server());
    const subject = `leat.v1.${open.connection.spec.name}.receipts.run-1`;
    await open.connection.client.publish(subject, 'nonsense\n7 1/0/0/0/0  1\n');
    const { deliveries } = await startReading(open);
    await until('read', () => deliveries.length === 1);
    expect(seqsOf(deliveries)).toEqual([7]);
    expect(open.logger.at('error')).toContain('receipt not understood');
  });
});
