import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { envelopeOf, NEVER, openPipeline, startServer } from '../support/jetstream.ts';

/** A way to a server on which all that is under way can be frozen, as by a cable that is cut. */
async function startFreezingProxy(port: number): Promise<{ url: string; freeze: () => void }> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = createConnection({ port, host: '127.0.0.1' });
    client.pipe(upstream).pipe(client);
    for (const each of [client, upstream]) {
      sockets.add(each);
      each.on('error', () => undefined);
    }
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.close();
    for (const each of sockets) each.destroy();
  });
  return {
    url: `nats://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    freeze: () => {
      for (const each of sockets) each.unpipe().pause();
    },
  };
}

test('a connection that falls silent in the midst of much sending is left for another', async () => {
  const server = await startServer();
  const proxy = await startFreezingProxy(server.port);
  const { connection, logger } = await openPipeline(proxy);
  proxy.freeze();
  // More than the sockets on the way take.
  const body = Buffer.alloc(256 * 1_024, '{}\n');
  const seqs = Array.from({ length: 100 }, (_, seq) => seq);
  await Promise.all(
    seqs.map((seq) => connection.queues.send('work', envelopeOf(seq), body, NEVER)),
  );
  expect(logger.at('warn')).toContain('disconnected from nats');
  const { state } = await connection.manager.streams.info(
    connection.topology.queues[0]!.stream.name,
  );
  expect(state.messages).toBe(seqs.length);
}, 120_000);
