import { stageSubject } from '@leat/core';
import { headers } from '@nats-io/transport-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  NEVER,
  openPipeline,
  sendChunks,
  SERVERS,
  sharedServer,
  startReceiver,
  startServer,
  type OpenPipeline,
} from '../support/jetstream.ts';
import { until } from '../support/until.ts';

/** Publishes a small message in front of the mapper. */
function publish(
  { connection }: OpenPipeline,
  id: string,
  signal: AbortSignal = NEVER,
): ReturnType<typeof connection.publisher.publish> {
  const header = headers();
  header.set('Nats-Msg-Id', id);
  const subject = stageSubject(connection.spec.name, 'work', 'run-1');
  return connection.publisher.publish(subject, Buffer.from(id), header, signal);
}

async function storedCount({ connection }: OpenPipeline): Promise<number> {
  const { stream } = connection.topology.queues[0]!;
  return (await connection.manager.streams.info(stream.name)).state.messages;
}

/** The bodies of all messages in front of the mapper, as the server has them. */
async function storedIds({ connection }: OpenPipeline): Promise<string[]> {
  const { stream } = connection.topology.queues[0]!;
  const { state } = await connection.manager.streams.info(stream.name);
  const seqs = Array.from(
    { length: state.last_seq - state.first_seq + 1 },
    (_, n) => state.first_seq + n,
  );
  const found = await Promise.all(
    seqs.map((seq) => connection.manager.streams.getMessage(stream.name, { seq })),
  );
  return found.map((message) => message?.string() ?? '');
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);

describe.each(SERVERS)('publishing to $server', ({ version }) => {
  const server = sharedServer(version);

  test('many are on their way at once, and a message id is stored once', async () => {
    const open = await openPipeline(server());
    const stored = await Promise.all(ids(1_000).map((id) => publish(open, id)));
    expect(new Set(stored.map(({ sequence }) => sequence)).size).toBe(1_000);
    expect(stored.some(({ isDuplicate }) => isDuplicate)).toBe(false);
    const again = await Promise.all(ids(1_000).map((id) => publish(open, id)));
    expect(again.every(({ isDuplicate }) => isDuplicate)).toBe(true);
    expect(await storedCount(open)).toBe(1_000);
  });

  test('a full queue is waited for; nothing is lost or doubled, memory stays bounded', async () => {
    const open = await openPipeline(server(), undefined, { maxMessages: 10 });
    const all = Promise.all(ids(300).map((id) => publish(open, id)));
    await until('the queue is full', async () => (await storedCount(open)) === 10);
    const { stream, consumer } = open.connection.topology.queues[0]!;
    const reader = await open.connection.client.consumers.get(stream.name, consumer.durable_name);
    const seen: string[] = [];
    while (seen.length < 300) {
      for await (const message of await reader.fetch({ max_messages: 10, expires: 1_000 })) {
        seen.push(message.string());
        message.ack();
      }
    }
    await all;
    expect(seen.toSorted()).toEqual(ids(300).toSorted());
    // Acknowledgements are not answered.
    await until('all is acknowledged', async () => (await storedCount(open)) === 0);
  });

  test('a queue that is full by bytes is waited for', async () => {
    const open = await openPipeline(server(), undefined, { maxBytes: 2_000 });
    const all = Promise.all(ids(50).map((id) => publish(open, id)));
    await until('the log says so', () => open.logger.at('warn').length > 0);
    expect(open.logger.at('warn')[0]).toBe(
      'waiting to send: the queue does not take more: maximum bytes exceeded',
    );
    await open.connection.manager.streams.update(open.connection.topology.queues[0]!.stream.name, {
      max_bytes: -1,
    });
    await all;
    expect(await storedCount(open)).toBe(50);
  });

  test('without a stream it waits, asks for the stream to be made again, and goes on', async () => {
    const open = await openPipeline(server());
    await open.connection.manager.streams.delete(open.connection.topology.queues[0]!.stream.name);
    await publish(open, 'm0');
    expect(await storedIds(open)).toEqual(['m0']);
  });

  test('a signal ends the wait', async () => {
    const open = await openPipeline(server(), undefined, { maxMessages: 1 });
    await publish(open, 'm0');
    const gaveUp = new AbortController();
    const waiting = publish(open, 'm1', gaveUp.signal);
    setImmediate(() => gaveUp.abort(new Error('enough')));
    await expect(waiting).rejects.toThrow('enough');
    expect(await storedIds(open)).toEqual(['m0']);
  });

  test('close rejects what is pending and what comes later, and nothing hangs', async () => {
    const open = await openPipeline(server(), undefined, { maxMessages: 1 });
    await publish(open, 'm0');
    const waiting = publish(open, 'm1');
    const onItsWay = publish(open, 'm2');
    const rejected = Promise.allSettled([waiting, onItsWay]);
    open.connection.publisher.close();
    for (const result of await rejected) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unreachable' } });
    }
    await expect(publish(open, 'm3')).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('killed and started again in the middle of 5,000: each is stored exactly once', async () => {
    const own = await startServer(version);
    const open = await openPipeline(own, undefined, { maxMessages: 10_000 });
    let done = 0;
    let killed: Promise<unknown> | undefined;
    const waiting = ids(5_000);
    const worker = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        await publish(open, id);
        if (++done === 1_000) killed = own.kill('SIGKILL');
      }
    };
    const workers = Promise.all(Array.from({ length: 200 }, worker));
    await until('it is killed', () => killed !== undefined);
    await killed;
    expect(done).toBeLessThan(5_000);
    await own.restart();
    const backAt = performance.now();
    const atRestart = done;
    await until('publishing goes on', () => done > atRestart);
    expect(performance.now() - backAt).toBeLessThan(10_000);
    await workers;
    expect((await storedIds(open)).toSorted()).toEqual(ids(5_000).toSorted());
  });

  test('after a restart the ids of messages that were taken away are not known any more', async () => {
    const own = await startServer(version);
    const open = await openPipeline(own);
    await sendChunks(open.connection, 2);
    const receiver = startReceiver(open, (delivery) => {
      if (delivery.envelope.chunk.seq === 0) delivery.ack();
    });
    await until('the first is taken away', async () => (await storedCount(open)) === 1);
    await receiver.stop();
    await own.kill('SIGKILL');
    await own.restart();
    await sendChunks(open.connection, 2);
    // The sink tells the first from its double; the second is known by its message id.
    expect(await storedCount(open)).toBe(2);
  });

  test('while the server is away nothing is thrown, and memory does not grow', async () => {
    const own = await startServer(version);
    const open = await openPipeline(own);
    await own.kill('SIGKILL');
    const all = Promise.all(ids(100).map((id) => publish(open, id)));
    onTestFinished(() => void all.catch(() => undefined));
    await own.restart();
    await all;
    expect(await storedCount(open)).toBe(100);
  });
});
