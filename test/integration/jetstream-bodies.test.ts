import { Slots, StageTelemetry } from '@leat/runtime';
import { headers } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  envelopeOf,
  NEVER,
  openPipeline,
  type OpenPipeline,
  SERVERS,
  sharedServer,
  startReceiver,
} from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const RECORDS = 20_000; // about 200 kB

function sendLarge({ connection }: OpenPipeline, seq: number): Promise<unknown> {
  return connection.queues.send('work', envelopeOf(seq, RECORDS), bodyOf(RECORDS), NEVER);
}

function storeOf({ connection }: OpenPipeline): string {
  return `OBJ_${connection.topology.bucket}`;
}

/** Measures nothing. */
const SILENT = {
  settle: () => undefined,
  work: () => undefined,
  bury: () => undefined,
};

/** Messages in the object store: pieces of bodies, and notes about them. */
async function storedCount(open: OpenPipeline): Promise<number> {
  return (await open.connection.manager.streams.info(storeOf(open))).state.messages;
}

describe.each(SERVERS)('bodies above the limit of $server', ({ version }) => {
  const server = sharedServer(version, { config: 'max_payload: 64KB' });

  test('go through the object store, and leave nothing there once acknowledged', async () => {
    const open = await openPipeline(server());
    await sendLarge(open, 0);
    expect(await storedCount(open)).toBeGreaterThan(1);
    const receiver = startReceiver(open, ({ body, ack }) => {
      expect(Buffer.compare(body, bodyOf(RECORDS))).toBe(0);
      ack();
    });
    await until('it arrived', () => receiver.deliveries.length === 1);
    await until('the store is empty', async () => (await storedCount(open)) === 0);
  });

  test('one that is on its way at a stop is handed over before the stop is done', async () => {
    const open = await openPipeline(server());
    await sendLarge(open, 0);
    const stop = new AbortController();
    const meter = () => ({ ...SILENT, take: () => stop.abort() });
    const handled: number[] = [];
    await open.connection.queues.receive({
      stage: 'work',
      telemetry: new StageTelemetry('work', { meter }),
      slots: new Slots(1),
      signal: stop.signal,
      logger: open.logger,
      handle: ({ envelope, ack }) => {
        handled.push(envelope.chunk.seq);
        ack();
      },
    });
    expect(handled).toEqual([0]);
  });

  test('a body just below the limit goes with its message, whatever its headers hold', async () => {
    const open = await openPipeline(server());
    const origins = Array.from({ length: 3_000 }, (_, n) => n * 2 + 1);
    const envelope = { ...envelopeOf(0, 3_000), origins };
    const body = Buffer.from(`"${'x'.repeat(14)}"\n`.repeat(3_000));
    await open.connection.queues.send('work', envelope, body, NEVER);
    const receiver = startReceiver(open, ({ ack }) => ack());
    await until('it arrived', () => receiver.deliveries.length === 1);
    expect(receiver.deliveries[0]?.envelope.origins).toEqual(origins);
  });

  test('are removed with their run', async () => {
    const open = await openPipeline(server());
    await sendLarge(open, 0);
    await sendLarge(open, 1);
    await open.connection.queues.send(
      'work',
      envelopeOf(0, RECORDS, 'run-2'),
      bodyOf(RECORDS),
      NEVER,
    );
    await open.connection.removeRun('run-1');
    expect(await storedCount(open)).toBeGreaterThan(1);
    await open.connection.removeRun('run-2');
    expect(await storedCount(open)).toBe(0);
  });

  test.each([
    ['one part', 2],
    ['every part', 1],
  ])('are sent again when %s of each is gone, and the run completes', async (what, chunks) => {
    const line = memoryPipeline(10_000 * chunks, { map: (record) => record }, 10_000);
    const open = await openPipeline(server(), line.pipeline.spec);
    const { manager, topology } = open.connection;
    await createRun(open, line);
    const { reports } = startFetcher(open, line);
    const { stream } = topology.queues[0]!;
    await until('all chunks are queued', async () => {
      return (await manager.streams.info(stream.name)).state.messages === chunks;
    });
    const { state } = await manager.streams.info(storeOf(open), { subjects_filter: '$O.*.C.>' });
    for (const filter of Object.keys(state.subjects ?? {})) {
      const { seq } = (await manager.streams.getMessage(storeOf(open), { last_by_subj: filter }))!;
      if (what === 'one part') await manager.streams.deleteMessage(storeOf(open), seq);
      else await manager.streams.purge(storeOf(open), { filter });
    }
    startStages(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({ state: 'completed', records: { saved: 10_000 * chunks } });
  });

  test('whose entries cannot be read are said, and sent again after twenty deliveries', async () => {
    const line = memoryPipeline(20_000, { map: (record) => record }, 10_000);
    const open = await openPipeline(server(), line.pipeline.spec);
    const { manager, client, runs, topology } = open.connection;
    await createRun(open, line);
    const { reports } = startFetcher(open, line);
    const { stream, consumer } = topology.queues[0]!;
    await until('all chunks are queued', async () => {
      return (await manager.streams.info(stream.name)).state.messages === 2;
    });
    const { state } = await manager.streams.info(storeOf(open), { subjects_filter: '$O.*.M.>' });
    const rollup = headers();
    rollup.set('Nats-Rollup', 'sub');
    for (const entry of Object.keys(state.subjects ?? {})) {
      await client.publish(entry, 'no JSON', { headers: rollup });
    }
    const queue = await client.consumers.get(stream.name, consumer.durable_name);
    for (let deliveries = 1; deliveries <= 18; deliveries++) {
      for await (const each of await queue.fetch({ max_messages: 2, expires: 5_000 })) each.nak();
    }
    startStages(open, line);
    await until('it is said', async () => {
      const troubles = await runs.notes.troubles('run-1');
      return troubles.some(({ reason }) => reason.startsWith('a chunk cannot be read: '));
    });
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({ state: 'completed', records: { saved: 20_000, dead: 0 } });
  });

  test('are sent again when the store is wiped, and the run completes', async () => {
    const line = memoryPipeline(30_000, { map: (record) => record }, 10_000);
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    const { reports } = startFetcher(open, line);
    const { stream } = open.connection.topology.queues[0]!;
    await until('all chunks are queued', async () => {
      return (await open.connection.manager.streams.info(stream.name)).state.messages === 3;
    });
    await open.connection.manager.streams.delete(storeOf(open));
    startStages(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({
      state: 'completed',
      records: { in: 30_000, saved: 30_000 },
    });
    expect(line.sink.numbers).toHaveLength(30_000);
    await until('the store is empty', async () => (await storedCount(open)) === 0);
  });
});
