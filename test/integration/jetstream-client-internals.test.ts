import { jetstream } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import {
  drainPull,
  dropSocket,
  replyOf,
} from '../../packages/runtime/src/jetstream/client-internals.ts';
import { openPipeline, sendChunks, startServer } from '../support/jetstream.ts';
import { until } from '../support/until.ts';

const EXPIRES_MS = 30_000;

/** A queue with so many chunks, and a consumer of it without anybody who works on them. */
async function openQueue(chunks: number) {
  const { connection, logger } = await openPipeline(await startServer());
  await sendChunks(connection, chunks);
  const { stream, consumer } = connection.topology.queues[0]!;
  const client = jetstream(connection.nats);
  const messages = await (
    await client.consumers.get(stream.name, consumer.durable_name)
  ).fetch({ max_messages: chunks + 1, expires: EXPIRES_MS });
  const left = async (): Promise<number> =>
    (await connection.manager.streams.info(stream.name)).state.messages;
  return { connection, logger, messages, left };
}

test('a message is acknowledged on the subject that is taken for its reply', async () => {
  const { connection, messages, left } = await openQueue(1);
  const { value: message } = await messages[Symbol.asyncIterator]().next();
  expect(replyOf(message)).toMatch(/^\$JS\.ACK\./);
  expect(await left()).toBe(1);
  connection.nats.publish(replyOf(message), '+ACK');
  await until('the message is gone', async () => (await left()) === 0);
});

test('a pull that is drained hands over what has come, and ends long before it expires', async () => {
  const { connection, messages } = await openQueue(5);
  await connection.nats.flush();
  const startedAt = performance.now();
  const came: number[] = [];
  for await (const message of messages) {
    if (came.length === 0) void drainPull(messages);
    came.push(message.seq);
  }
  expect(came).toEqual([1, 2, 3, 4, 5]);
  expect(performance.now() - startedAt).toBeLessThan(EXPIRES_MS / 2);
});

test('a connection whose socket is dropped connects again', async () => {
  const { connection, logger } = await openQueue(0);
  dropSocket(connection.nats);
  await until('it has connected again', () => logger.at('info').includes('reconnected to nats'));
  expect(logger.at('warn')).toContain('disconnected from nats');
  await connection.nats.flush();
});
