import { describe, expect, test } from 'vitest';
import type { PipelineConnection } from '@leat/runtime';
import {
  block,
  lineSpec,
  openPipeline,
  sendChunks,
  SERVERS,
  sharedServer,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import { until } from '../support/until.ts';

/** What was left without being given back would come after the ten seconds of an acknowledgement window. */
const WELL_WITHIN_WINDOW_MS = 8_000;

/** How many messages the server has given out and not got back. */
async function inHand({ manager, topology }: PipelineConnection): Promise<number> {
  const { stream, consumer } = topology.queues[0]!;
  return (await manager.consumers.info(stream.name, consumer.durable_name)).num_ack_pending;
}

const range = (to: number): number[] => Array.from({ length: to }, (_, n) => n);
const sorted = (seqs: readonly number[]): number[] => [...new Set(seqs)].toSorted((a, b) => a - b);

describe.each(SERVERS)('pulling from $server', ({ version }) => {
  const server = sharedServer(version);

  test('no more is asked for than there are free slots', async () => {
    const open = await openPipeline(server());
    await sendChunks(open.connection, 100);
    const receiver = startReceiver(open, () => undefined, 7);
    await until('seven in hand', async () => (await inHand(open.connection)) === 7);
    let most = 0;
    for (let acked = 0; acked < 93; acked++) {
      await until('one more arrives', () => receiver.deliveries.length > acked);
      most = Math.max(most, receiver.deliveries.length - acked);
      receiver.deliveries[acked]?.ack();
    }
    // The server may hear of a pull before it has looked at the acknowledgements that were sent earlier.
    await until('seven are left in hand', async () => (await inHand(open.connection)) === 7);
    expect(most).toBeLessThanOrEqual(7);
    expect(receiver.slots.taken).toBeLessThanOrEqual(7);
  });

  test('a message that comes to an idle puller is handled at once', async () => {
    const open = await openPipeline(server());
    const receiver = startReceiver(open, ({ ack }) => ack());
    const tookMs: number[] = [];
    for (let seq = 0; seq < 50; seq++) {
      const startedAt = performance.now();
      await sendChunks(open.connection, seq + 1, seq);
      while (receiver.deliveries.length <= seq) await new Promise(setImmediate);
      tookMs.push(performance.now() - startedAt);
    }
    expect(tookMs.toSorted((a, b) => a - b)[25]).toBeLessThan(100);
  });

  test('on abort another puller gets at once what was not handed over', async () => {
    const open = await openPipeline(server());
    const total = 400;
    const stopped = startReceiver(open, ({ ack }) => {
      ack();
      // In the midst of a burst: more is in the socket, and on its way.
      if (stopped.deliveries.length === 40) void stopped.stop();
    });
    await sendChunks(open.connection, total);
    await until('stopped', () => stopped.deliveries.length >= 40);
    await stopped.stop();
    const other = startReceiver(open, ({ ack }) => ack());
    await until(
      'the rest arrives',
      () => stopped.deliveries.length + other.deliveries.length >= total,
      WELL_WITHIN_WINDOW_MS,
    );
    expect(sorted([...stopped.seqs(), ...other.seqs()])).toEqual(range(total));
  });

  test('many stops in the midst of bursts leave nothing behind', async () => {
    const open = await openPipeline(server());
    await sendChunks(open.connection, 300);
    const seen = new Set<number>();
    for (let round = 0; round < 30; round++) {
      const startedAt = seen.size;
      const receiver = startReceiver(open, ({ ack, envelope }) => {
        seen.add(envelope.chunk.seq);
        ack();
      });
      while (seen.size === startedAt && seen.size < 300) await new Promise(setImmediate);
      await receiver.stop();
    }
    const last = startReceiver(open, ({ ack, envelope }) => {
      seen.add(envelope.chunk.seq);
      ack();
    });
    await until('everything arrived', () => seen.size === 300, WELL_WITHIN_WINDOW_MS);
    expect(seen.size).toBe(300);
    await last.stop();
  });

  test('a cut connection does not make it ask for more than there are free slots', async () => {
    const open = await openPipeline(server());
    const receiver = startReceiver(open, () => undefined, 8);
    await sendChunks(open.connection, 5);
    await until('five in hand', () => receiver.deliveries.length === 5);
    await open.connection.nats.reconnect();
    const other = await openPipeline(server(), open.connection.spec);
    await sendChunks(other.connection, 40, 5);
    await until('eight in hand', async () => (await inHand(other.connection)) >= 8);
    // The queue is full of work: whatever else was asked for would be here with the next round trips.
    for (let look = 0; look < 50; look++) expect(await inHand(other.connection)).toBe(8);
    expect(receiver.deliveries.length).toBe(8);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('goes on after a restart by %s', async (signal) => {
    const own = await startServer(version);
    const open = await openPipeline(own);
    const receiver = startReceiver(open, ({ ack }) => ack());
    await sendChunks(open.connection, 10);
    await until('the first ten', () => receiver.deliveries.length >= 10);
    await own.kill(signal);
    await own.restart();
    await sendChunks(open.connection, 20, 10);
    await until('ten after the restart', () => sorted(receiver.seqs()).length === 20);
    expect(sorted(receiver.seqs())).toEqual(range(20));
    expect(open.logger.at('error')).toEqual([]);
  });

  test('goes on soon after an outage that outlasts a pull', async () => {
    const own = await startServer(version);
    const open = await openPipeline(own);
    const receiver = startReceiver(open, ({ ack }) => ack());
    await sendChunks(open.connection, 1);
    await until('the first', () => receiver.deliveries.length === 1);
    await own.kill('SIGKILL');
    const downAt = performance.now();
    await until('four seconds have passed', () => performance.now() - downAt > 4_000);
    await own.restart();
    await sendChunks(open.connection, 3, 1);
    await until('two after the outage', () => sorted(receiver.seqs()).length === 3, 10_000);
    expect(sorted(receiver.seqs())).toEqual(range(3));
  });

  test('a server in lame duck mode is left, and its successor is used', async () => {
    const own = await startServer(version, {
      config: 'lame_duck_duration: 30s\nlame_duck_grace_period: 1s',
    });
    const open = await openPipeline(own);
    const receiver = startReceiver(open, ({ ack }) => ack());
    await sendChunks(open.connection, 5);
    await until('the first five', () => receiver.deliveries.length >= 5);
    process.kill(own.pid, 'SIGUSR2');
    await until('the client was told', () =>
      open.logger.at('warn').includes('the nats server is about to leave'),
    );
    const sent = sendChunks(open.connection, 10, 5);
    await own.restart();
    await sent;
    await until('five more', () => sorted(receiver.seqs()).length === 10);
    expect(sorted(receiver.seqs())).toEqual(range(10));
  });

  test('an event loop that is blocked for seconds loses and doubles nothing', async () => {
    const open = await openPipeline(server(), lineSpec(), { ackWaitMs: 1_000 });
    const receiver = startReceiver(open, ({ ack }) => ack());
    await sendChunks(open.connection, 5);
    await until('the first five', () => receiver.deliveries.length === 5);
    block(3_500);
    const other = await openPipeline(server(), open.connection.spec);
    await sendChunks(other.connection, 20, 5);
    await until('twenty in all', () => receiver.deliveries.length >= 20);
    expect(sorted(receiver.seqs())).toEqual(range(20));
  });
});
