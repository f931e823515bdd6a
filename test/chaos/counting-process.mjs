/*
 * A pipeline as one writes it at first: it counts acknowledgements instead of keeping a set, its chunks
 * have no ids, and its saver appends to a file and then acknowledges. The monkey must find it out.
 *
 *   node counting-process.mjs fetcher|mapper|saver URL DIR COUNT ACK_WAIT_MS
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const [role, url, dir, count, ackWaitMs] = process.argv.slice(2);
const COUNT = Number(count);
const CHUNK = 20;
const WINDOW = 2_000;
const ACK_WAIT_NANOS = Number(ackWaitMs) * 1e6;

const connection = await connect({
  servers: url,
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
});
const manager = await patiently(() => jetstreamManager(connection));
const client = jetstream(connection);

/** Tries until it works. */
async function patiently(action) {
  for (;;) {
    try {
      return await action();
    } catch {
      await delay(200);
    }
  }
}

async function ensure(queue) {
  await manager.streams
    .add({ name: `count_${queue}`, subjects: [`count.${queue}`], retention: 'workqueue' })
    .catch(() => undefined);
  const config = { durable_name: queue, ack_policy: 'explicit', ack_wait: ACK_WAIT_NANOS };
  await manager.consumers.add(`count_${queue}`, config).catch(() => undefined);
}

/** Takes messages for ever, ten at a time. */
async function take(queue, handle) {
  for (;;) {
    await patiently(async () => {
      await ensure(queue);
      const consumer = await client.consumers.get(`count_${queue}`, queue);
      for (;;) {
        const messages = await consumer.fetch({ max_messages: 10, expires: 1_000 });
        for await (const message of messages) await handle(message);
      }
    });
  }
}

const publish = (queue, value) =>
  patiently(async () => {
    await ensure(queue);
    await client.publish(`count.${queue}`, JSON.stringify(value));
  });

const ROLES = {
  fetcher: async () => {
    const file = join(dir, 'state.json');
    let { sent, counted } = { sent: 0, counted: 0 };
    try {
      ({ sent, counted } = JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      // The first life.
    }
    const save = () => writeFileSync(file, JSON.stringify({ sent, counted }));
    setInterval(save, 100);
    const isDone = () => counted >= COUNT;
    void take('receipts', async (message) => {
      counted += message.json();
      message.ack();
    });
    while (sent < COUNT) {
      if (sent - counted < WINDOW) {
        await publish('work', sent);
        sent += CHUNK;
      } else await delay(10);
    }
    while (!isDone()) await delay(10);
    save();
    writeFileSync(join(dir, 'done'), '');
    await delay(2 ** 30);
  },
  mapper: () =>
    take('work', async (message) => {
      await delay(25);
      await publish('save', message.json());
      message.ack();
    }),
  saver: () =>
    take('save', async (message) => {
      const first = message.json();
      const lines = Array.from({ length: CHUNK }, (_, at) => `${first + at}\n`);
      appendFileSync(join(dir, 'out.txt'), lines.join(''));
      await publish('receipts', CHUNK);
      message.ack();
    }),
};

process.on('SIGTERM', () => process.exit(0));
await ROLES[role]();
