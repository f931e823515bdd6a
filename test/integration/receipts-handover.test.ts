import { DEFAULT_TOPOLOGY_SETTINGS, NO_COUNTS } from '@leat/core';
import { startNatsServer } from '@leat/nats-server';
import {
  createLogger,
  openPipelineConnection,
  type ReceiptDelivery,
  receiveReceipts,
  ReceiptSender,
} from '@leat/runtime';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';

test('receipts that a fetcher holds when it stops come to the next one at once', async () => {
  await using server = await startNatsServer();
  const logger = createLogger({ format: 'json', level: 'silent' });
  const connection = await openPipelineConnection(
    {
      name: 'handover',
      stages: [
        { name: 'numbers', kind: 'fetcher' },
        { name: 'files', kind: 'saver', from: 'numbers' },
      ],
    },
    { nats: { url: server.url }, topology: { ...DEFAULT_TOPOLOGY_SETTINGS, ackWaitMs: 120_000 } },
    { name: 'test', logger },
  );
  try {
    const receive = async (signal: AbortSignal, taken: ReceiptDelivery[]) =>
      receiveReceipts({
        connection,
        run: 'one',
        born: undefined,
        handle: (delivery) => void taken.push(delivery),
        signal,
        logger,
      });
    const first = { taken: [] as ReceiptDelivery[], over: new AbortController() };
    const second = { taken: [] as ReceiptDelivery[], over: new AbortController() };
    const lost = await receive(first.over.signal, first.taken);
    const sender = new ReceiptSender(connection, new AbortController().signal);
    const counts = { ...NO_COUNTS, in: 1 };
    await sender.send({ run: 'one' }, { chunk: '0', counts, digest: '', fence: 1, buried: [] });
    await until('the first has the receipt', () => first.taken.length === 1);
    expect(lost.held()).toBe(1);
    first.over.abort();
    await lost.done;

    const gained = await receive(second.over.signal, second.taken);
    await until('the second has the receipt', () => second.taken.length === 1);
    expect(second.taken[0]?.receipts).toEqual(first.taken[0]?.receipts);
    second.over.abort();
    await gained.done;
  } finally {
    await connection.close();
  }
});
