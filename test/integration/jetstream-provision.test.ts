import { describe, expect, test } from 'vitest';
import type { ConsumerConfig, StreamConfig } from '@nats-io/jetstream';
import {
  lineSpec,
  openPipeline,
  sendChunks,
  SERVERS,
  sharedServer,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import { until } from '../support/until.ts';

type NamedStream = Partial<StreamConfig> & { name: string };

describe.each(SERVERS)('provisioning on $server', ({ version }) => {
  const server = sharedServer(version);

  test('creates every stream and consumer, and leaves them alone the next time', async () => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    const created: unknown[] = [];
    for (const { stream, consumer } of topology.queues) {
      const info = await manager.streams.info(stream.name);
      const config = info.config as unknown as Record<string, unknown>;
      expect(config).toMatchObject({ ...stream });
      const found = await manager.consumers.info(stream.name, consumer.durable_name);
      for (const [field, wanted] of Object.entries(consumer)) {
        expect((found.config as unknown as Record<string, unknown>)[field]).toEqual(wanted);
      }
      created.push(info.created, found.created);
    }
    await connection.repair();
    await openPipeline(server(), spec);
    const again: unknown[] = [];
    for (const { stream, consumer } of topology.queues) {
      again.push((await manager.streams.info(stream.name)).created);
      again.push((await manager.consumers.info(stream.name, consumer.durable_name)).created);
    }
    expect(again).toEqual(created);
  });

  test('eight at once do not get into each other’s way', async () => {
    const spec = lineSpec();
    const all = await Promise.all(Array.from({ length: 8 }, () => openPipeline(server(), spec)));
    const [first] = all;
    expect(first?.logger.at('error')).toEqual([]);
    await sendChunks(all[7]!.connection, 5);
    const receiver = startReceiver(all[0]!, ({ ack }) => ack());
    await until('all chunks arrived', () => receiver.deliveries.length === 5);
  });

  test('a stream or a consumer that vanishes is made again, and the flow goes on', async () => {
    const open = await openPipeline(server());
    const { manager, topology } = open.connection;
    const { stream, consumer } = topology.queues[0]!;
    const receiver = startReceiver(open, ({ ack }) => ack());
    await sendChunks(open.connection, 3);
    await until('the first chunks', () => receiver.deliveries.length === 3);

    await manager.consumers.delete(stream.name, consumer.durable_name);
    await sendChunks(open.connection, 6, 3);
    await until('chunks after the consumer was deleted', () => receiver.deliveries.length === 6);

    await manager.streams.delete(stream.name);
    await sendChunks(open.connection, 9, 6);
    await until('chunks after the stream was deleted', () => receiver.deliveries.length === 9);
    expect(receiver.seqs().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('a stream that cannot be changed as it must be is refused by name and field', async () => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    const wanted = topology.queues[0]!.stream;
    await manager.streams.delete(wanted.name);
    await manager.streams.add({ ...(wanted as unknown as NamedStream), retention: 'limits' });
    await expect(openPipeline(server(), spec)).rejects.toMatchObject({
      code: 'topology-mismatch',
      message: expect.stringContaining(
        `The stream ${wanted.name} has retention "limits" where Leat needs "workqueue"`,
      ),
    });
  });

  test.each<[string, Partial<StreamConfig>]>([
    ['discard', { discard: 'old' }],
    ['limits', { max_msgs: 1, max_bytes: 10, max_msg_size: 10 }],
    ['an age', { max_age: 5_000_000_000, duplicate_window: 1_000_000_000 }],
    ['no answers', { no_ack: true }],
    ['a seal', { sealed: true }],
    ['a seal and all else', { max_msgs: 1, no_ack: true, discard: 'old', sealed: true }],
  ])('a stream with %s is repaired, and said', async (_, change) => {
    const spec = lineSpec();
    const first = await openPipeline(server(), spec);
    const { manager, topology } = first.connection;
    const { stream } = topology.queues[0]!;
    await sendChunks(first.connection, 1);
    await manager.streams.update(stream.name, change);
    const open = await openPipeline(server(), spec);
    expect((await manager.streams.info(stream.name)).config).toMatchObject({ ...stream });
    expect(open.logger.at('warn').join()).toContain(`the stream ${stream.name}: `);
    const receiver = startReceiver(open, ({ ack }) => ack());
    await sendChunks(open.connection, 3, 1);
    await until('all chunks arrived', () => receiver.seqs().includes(2));
  });

  test('what others publish to a stream stays possible', async () => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    const { name, subjects } = topology.queues[0]!.stream;
    await manager.streams.update(name, { subjects: [`${spec.name}.elsewhere`] });
    await openPipeline(server(), spec);
    const found = (await manager.streams.info(name)).config.subjects;
    expect(found).toEqual([...subjects, `${spec.name}.elsewhere`]);
  });

  test('dead letters and entries are never made again: a sealed stream of them is said', async () => {
    const spec = lineSpec();
    const { connection, logger } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    for (const { name } of [topology.dead, topology.entries]) {
      await manager.streams.update(name, { sealed: true } as Partial<StreamConfig>);
      await expect(connection.repair()).rejects.toMatchObject({
        code: 'topology-mismatch',
        message: expect.stringMatching(new RegExp(`The stream .* has sealed true`)),
      });
      expect(logger.at('warn').join()).toContain(`the stream ${name}: sealed is true`);
      expect((await manager.streams.info(name)).config.sealed).toBe(true);
    }
  });

  test.each<[string, Partial<ConsumerConfig>]>([
    ['max_deliver', { max_deliver: 2 }],
    ['filter_subject', { filter_subject: 'leat.v1.only-one-run' }],
    ['ack_wait', { ack_wait: 300_000_000_000 }],
    ['max_ack_pending', { max_ack_pending: 1 }],
    ['backoff', { backoff: [5_000_000_000, 9_000_000_000], max_deliver: 5 }],
    ['headers_only', { headers_only: true }],
    ['max_batch', { max_batch: 1 }],
  ])('a consumer with another %s is repaired, and its queue kept', async (field, change) => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    const { stream, consumer } = topology.queues[0]!;
    await sendChunks(connection, 3);
    await manager.consumers.delete(stream.name, consumer.durable_name);
    await manager.consumers.add(stream.name, {
      ...(consumer as Partial<ConsumerConfig>),
      ...change,
      ...(field === 'filter_subject' && {
        filter_subject: consumer.filter_subject.replace('*', 'only-one-run'),
      }),
    });
    const open = await openPipeline(server(), spec);
    const found = await manager.consumers.info(stream.name, consumer.durable_name);
    expect(found.config).toMatchObject({ ...consumer });
    expect(found.config).not.toHaveProperty('backoff');
    const receiver = startReceiver(open, ({ ack }) => ack());
    await until('all chunks arrived', () => receiver.deliveries.length === 3);
  });

  test('a consumer with another ack_policy is refused by name and field', async () => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    // A work queue admits no other policy, so the server refuses it before Leat does.
    const { stream, consumer } = topology.queues[0]!;
    await manager.consumers.delete(stream.name, consumer.durable_name);
    await expect(
      manager.consumers.add(stream.name, {
        ...(consumer as Partial<ConsumerConfig>),
        ack_policy: 'all',
      }),
    ).rejects.toThrow('workqueue stream requires explicit ack');
  });

  test('another stream with the same subjects is told', async () => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    const { name, subjects } = topology.queues[0]!.stream;
    await manager.streams.delete(name);
    await manager.streams.add({ name: `${spec.name}-thief`, subjects: [...subjects] });
    await expect(openPipeline(server(), spec)).rejects.toMatchObject({
      code: 'topology-mismatch',
      message: expect.stringContaining(`The stream ${name} cannot be made, because another stream`),
    });
  });

  test('streams that an operator made larger, in memory or with a description are used as they are', async () => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    for (const { stream } of topology.queues) {
      await manager.streams.delete(stream.name);
      await manager.streams.add({
        ...(stream as unknown as NamedStream),
        storage: 'memory',
        max_msgs: 17_000,
        max_bytes: -1,
        description: 'made by an operator',
      });
    }
    const open = await openPipeline(server(), spec);
    const receiver = startReceiver(open, ({ ack }) => ack());
    await sendChunks(open.connection, 30);
    await until('all chunks arrived', () => receiver.deliveries.length === 30);
    const info = await manager.streams.info(topology.queues[0]!.stream.name);
    expect(info.config).toMatchObject({ max_msgs: 17_000, description: 'made by an operator' });
  });

  test('a shorter ack_wait of an operator’s consumer is kept: what is held is not redelivered', async () => {
    const spec = lineSpec();
    const { connection } = await openPipeline(server(), spec);
    const { manager, topology } = connection;
    const { stream, consumer } = topology.queues[0]!;
    await manager.consumers.delete(stream.name, consumer.durable_name);
    await manager.consumers.add(stream.name, {
      ...(consumer as Partial<ConsumerConfig>),
      ack_wait: 2_000_000_000,
    });
    const open = await openPipeline(server(), spec);
    const receiver = startReceiver(open, () => undefined);
    await sendChunks(open.connection, 1);
    await until('it is held', () => receiver.deliveries.length > 0);
    const heldAt = performance.now();
    await until('two windows have passed', () => performance.now() - heldAt > 4_200);
    expect(receiver.deliveries.map(({ deliveries }) => deliveries)).toEqual([1]);
  });

  test('too little storage is a sentence', async () => {
    const small = await startServer(version, { config: 'jetstream { max_file_store: 64MB }' });
    await expect(openPipeline(small)).rejects.toMatchObject({
      code: 'unfit-server',
      message: expect.stringMatching(/cannot be made, because the server has too little storage/),
    });
  });

  test('a server without JetStream is a sentence', async () => {
    const plain = await startServer(version, { jetstream: false });
    await expect(openPipeline(plain)).rejects.toMatchObject({
      code: 'unfit-server',
      message: expect.stringContaining('has JetStream switched off'),
    });
  });
});
