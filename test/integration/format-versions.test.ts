import { FORMATS, NO_COUNTS, receiptsConsumer, receiptsSubject, stageSubject } from '@leat/core';
import { type ReceiptDelivery, receiveReceipts, ReceiptSender } from '@leat/runtime';
import { headers } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  NEVER,
  openPipeline,
  sharedServer,
  sendChunks,
  startReceiver,
} from '../support/jetstream.ts';
import { until } from '../support/until.ts';

const server = sharedServer(undefined);

describe('on its queue', () => {
  const GOOD = {
    'Leat-Chunk': '7',
    'Leat-Counts': '1/0/0/0/0',
    'Leat-Position': 'record 7 of numbers',
  };

  test.each([`${FORMATS.chunk + 1}`, '1.5', 'next'])(
    'a chunk of version %s is given back, again and again, and said to be newer',
    async (version) => {
      const open = await openPipeline(server());
      const { connection, logger } = open;
      const header = headers();
      for (const [name, value] of Object.entries(GOOD)) header.set(name, value);
      header.set('Leat-Format', version);
      const subject = stageSubject(connection.spec.name, 'work', 'run-1');
      await connection.client.publish(subject, bodyOf(), { headers: header });
      // With one slot: what is given back leaves it free.
      const { deliveries } = startReceiver(open, ({ ack }) => ack(), 1);
      const { stream, consumer } = connection.topology.queues[0]!;
      await until('it has come twice', async () => {
        const info = await connection.manager.consumers.info(stream.name, consumer.durable_name);
        return info.num_redelivered > 0;
      });
      // Meanwhile the others go on.
      await sendChunks(connection, 5);
      await until('the others are done', () => deliveries.length === 5);
      expect((await connection.manager.streams.info(stream.name)).state.messages).toBe(1);
      const sentence = /^A chunk of the run run-1 has version .* a newer Leat wrote it\./;
      expect(logger.at('error')).toEqual([expect.stringMatching(sentence)]);
      expect(await connection.runs.notes.troubles('run-1')).toMatchObject([
        { stage: 'work', reason: expect.stringMatching(sentence) as string },
      ]);
    },
  );

  test.each([undefined, '', '0', `${FORMATS.chunk}`])(
    'a chunk of version %j is read',
    async (version) => {
      const open = await openPipeline(server());
      const { connection } = open;
      const header = headers();
      for (const [name, value] of Object.entries(GOOD)) header.set(name, value);
      header.set('Leat-Of-A-Later-Version', 'whatever');
      if (version !== undefined) header.set('Leat-Format', version);
      const subject = stageSubject(connection.spec.name, 'work', 'run-1');
      await connection.client.publish(subject, bodyOf(), { headers: header });
      const { seqs } = startReceiver(open, ({ ack }) => ack());
      await until('it has come', () => seqs().length === 1);
      expect(seqs()).toEqual([7]);
    },
  );
});

test('receipts of a newer version stay unread, and those of this one are read meanwhile', async () => {
  const { connection, logger } = await openPipeline(server());
  const subject = receiptsSubject(connection.spec.name, 'run-1');
  const header = headers();
  header.set('Leat-Format', `${FORMATS.receipts + 1}`);
  await connection.client.publish(subject, Buffer.from('8 somehow else'), { headers: header });
  const taken: ReceiptDelivery[] = [];
  const stop = new AbortController();
  const stream = await receiveReceipts({
    connection,
    run: 'run-1',
    born: undefined,
    handle: (delivery) => {
      taken.push(delivery);
      delivery.ack();
    },
    signal: stop.signal,
    logger,
  });
  const { name } = connection.topology.receipts;
  const consumer = async () => connection.manager.consumers.info(name, receiptsConsumer('run-1'));
  await until('it has come twice', async () => (await consumer()).num_redelivered > 0);
  const receipt = { chunk: '0', counts: NO_COUNTS, digest: '', fence: 1, buried: [] };
  const further = ['cut=7', 'of-a-later-version='];
  await new ReceiptSender(connection, NEVER).send({ run: 'run-1' }, { ...receipt, further });
  await until('the other one is taken', () => taken.length === 1);
  // A field that is not known is no reason to refuse a receipt of a known version.
  expect(taken[0]?.receipts).toEqual([{ ...receipt, further }]);
  // What is held counts as read: then its chunk could be taken for lost.
  expect(stream.held()).toBe(0);
  await until('that one is acknowledged', async () => (await consumer()).num_ack_pending === 1);
  expect((await connection.manager.streams.info(name)).state.messages).toBe(1);
  expect(await connection.runs.notes.troubles('run-1')).toMatchObject([
    { stage: 'numbers', reason: expect.stringContaining('A message of receipts') as string },
  ]);
  stop.abort();
  await stream.done;
});
