import type { Delivery } from '@leat/runtime';
import { describe, expect, test } from 'vitest';
import {
  block,
  openPipeline,
  sendChunks,
  SERVERS,
  sharedServer,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import { until } from '../support/until.ts';

const ACK_WAIT_MS = 1_500;

/** The stream's sequence in the subject of an acknowledgement; newer servers have domain and account in it, too. */
function placeIn(subject: string): string | undefined {
  const tokens = subject.split('.');
  return tokens[tokens.length > 9 ? 7 : 5];
}

describe.each(SERVERS)('holding on $server', ({ version }) => {
  const server = sharedServer(version);

  test('what is held is not given to another while the main thread is blocked', async () => {
    const open = await openPipeline(server(), undefined, { ackWaitMs: ACK_WAIT_MS });
    const receiver = startReceiver(open, () => undefined);
    await sendChunks(open.connection, 20);
    await until('all in hand', () => receiver.deliveries.length === 20);
    block(2 * ACK_WAIT_MS);
    const { stream, consumer } = open.connection.topology.queues[0]!;
    const { num_ack_pending, num_redelivered } = await open.connection.manager.consumers.info(
      stream.name,
      consumer.durable_name,
    );
    expect({ num_ack_pending, num_redelivered }).toEqual({
      num_ack_pending: 20,
      num_redelivered: 0,
    });
    for (const { ack } of receiver.deliveries) ack();
    expect(receiver.deliveries.every(({ deliveries }) => deliveries === 1)).toBe(true);
  });

  test('what its holder leaves comes back after one window', async () => {
    const open = await openPipeline(server(), undefined, { ackWaitMs: ACK_WAIT_MS });
    const receiver = startReceiver(open, () => undefined);
    await sendChunks(open.connection, 3);
    await until('all in hand', () => receiver.deliveries.length === 3);
    const leftAt = performance.now();
    await open.connection.holder.close();
    await until('all again', () => receiver.deliveries.length >= 6);
    expect(performance.now() - leftAt).toBeGreaterThan(ACK_WAIT_MS / 3);
  });

  test('what is given back comes at once, or after the time asked for', async () => {
    const open = await openPipeline(server());
    const times: number[] = [];
    const receiver = startReceiver(open, ({ deliveries, giveBack, ack }) => {
      times.push(performance.now());
      if (deliveries === 1) giveBack();
      else if (deliveries === 2) giveBack(2_000);
      else ack();
    });
    await sendChunks(open.connection, 1);
    await until('third delivery', () => receiver.deliveries.length === 3);
    const [first = 0, second = 0, third = 0] = times;
    expect(second - first).toBeLessThan(2_000);
    expect(third - second).toBeGreaterThanOrEqual(1_990);
  });

  test('a slot that is used again holds the new message and no longer the old one', async () => {
    const open = await openPipeline(server(), undefined, { ackWaitMs: ACK_WAIT_MS });
    let released = false;
    const receiver = startReceiver(open, ({ envelope, deliveries, giveBack, ack }) => {
      // Chunk 0 is given back for longer than a window; its slot goes to chunk 1, which is held.
      if (envelope.chunk.seq === 0 && deliveries === 1) giveBack(ACK_WAIT_MS * 2);
      else if (envelope.chunk.seq === 0) {
        released = true;
        ack();
      }
    });
    await sendChunks(open.connection, 1);
    await until('chunk 0', () => receiver.deliveries.length === 1);
    await sendChunks(open.connection, 2, 1);
    await until('chunk 0 again', () => released);
    expect(receiver.seqs()).toEqual([0, 1, 0]);
  });

  test('its thread outlives a restart of the server', async () => {
    const own = await startServer(version);
    const open = await openPipeline(own, undefined, { ackWaitMs: 3_000 });
    // By place in the queue: a slow restart lets a message be delivered again, which has another subject then.
    const told = new Set<string | undefined>();
    open.connection.nats.subscribe('$JS.ACK.>', {
      callback: (_, message) => {
        if (message.string() === '+WPI') told.add(placeIn(message.subject));
      },
    });
    const receiver = startReceiver(open, () => undefined);
    await sendChunks(open.connection, 2);
    await until('in hand', () => receiver.deliveries.length === 2);
    await own.restart();
    told.clear();
    await until('both are told to be in hand', () => told.size >= 2);
    expect(told.size).toBe(2);
  });

  test('closes at once, also while the server is away', async () => {
    const own = await startServer(version);
    const open = await openPipeline(own);
    await own.kill('SIGKILL');
    const startedAt = performance.now();
    await open.connection.holder.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  test('what is parked takes no slot, is not delivered again until then, and then to all at once', async () => {
    const open = await openPipeline(server(), undefined, { ackWaitMs: ACK_WAIT_MS });
    const { connection } = open;
    const { stream, consumer } = connection.topology.queues[0]!;
    const goesOn = new AbortController();
    const take = ({ envelope: { run }, park, ack }: Delivery): void => {
      if (run === 'paused' && !goesOn.signal.aborted) park(goesOn.signal);
      else ack();
    };
    const receiver = startReceiver(open, take, 8);
    const ofRun = (run: string): number =>
      receiver.deliveries.filter(({ envelope }) => envelope.run === run).length;
    await sendChunks(connection, 300, 0, 'work', 'paused');
    await sendChunks(connection, 5, 0, 'work', 'awake');
    await until('the other run is worked on', () => ofRun('awake') === 5);
    await until('all are parked', () => ofRun('paused') === 300);
    block(2 * ACK_WAIT_MS);
    const info = await connection.manager.consumers.info(stream.name, consumer.durable_name);
    expect([info.num_ack_pending, info.num_redelivered]).toEqual([300, 0]);
    goesOn.abort();
    await until('all come again', () => ofRun('paused') === 600);
    // What Leat gave back by itself is not held against a chunk.
    expect(receiver.deliveries.every(({ deliveries }) => deliveries === 1)).toBe(true);
  });
});
