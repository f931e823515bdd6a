import { WINDOW_RULES } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  newName,
  type OpenPipeline,
  openPipeline,
  SERVERS,
  sharedServer,
  startReceiver,
} from '../support/jetstream.ts';
import {
  createRun,
  type MemoryPipeline,
  MemorySink,
  progressOf,
  startFetcher,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const REPLICAS = 600;
/** Publishes that count as in hand while they are on their way. */
const MAX_ON_THEIR_WAY = 128;
const { first, reserve } = WINDOW_RULES;

/** Chunks of one record: the mapper is played by the test. */
function manyChunks(text = ''): MemoryPipeline {
  const schema = z.object({ n: z.number(), text: z.string() });
  const source = generate(20_000, (n) => ({ n, text }));
  const numbers = fetcher('numbers', { source, schema, chunkSize: 1 });
  const work = mapper('work', { from: numbers, schema, map: (record) => record });
  const sink = new MemorySink();
  const savers = [saver('out', { from: work, sink })];
  return { pipeline: pipeline(newName(), { savers }), mapper: work, sink };
}

async function onQueue({ connection }: OpenPipeline): Promise<number> {
  const [queue] = connection.topology.queues;
  const { state } = await connection.manager.streams.info(queue?.stream.name ?? '');
  return state.messages;
}

describe.each(SERVERS)('the window on $server', ({ version }) => {
  const server = sharedServer(version);

  test('is small while nobody takes chunks, and fits six hundred replicas soon after they have come', async () => {
    const line = manyChunks();
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    startFetcher(open, line);
    await until('the window is full', async () => (await onQueue(open)) === first);
    const { deliveries } = startReceiver(open, () => undefined, REPLICAS);
    await until('all have work', () => deliveries.length === REPLICAS);
    await until('as many wait', async () => (await onQueue(open)) >= 2 * REPLICAS + reserve);
    expect(await onQueue(open)).toBeLessThanOrEqual(2 * (REPLICAS + MAX_ON_THEIR_WAY) + reserve);
  });

  test('holds no more bytes than one queue takes', async () => {
    const line = manyChunks('x'.repeat(1_000));
    const open = await openPipeline(server(), line.pipeline.spec, { maxBytes: 65_536 });
    await createRun(open, line);
    startFetcher(open, line);
    startReceiver(open, () => undefined, REPLICAS);
    const sent = async (): Promise<number> => (await progressOf(open))?.ledger.next ?? 0;
    await until('the ledger says so', async () => (await sent()) > 0);
    // Without that limit 128 publishes would be under way, and wait for room.
    await until('the queue is as full as it becomes', async () => (await onQueue(open)) > 50);
    expect(await sent()).toBeLessThan(66);
  });
});
