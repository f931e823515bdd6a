import { formatChunkId } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { fetcher, mapper, type Pipeline, pipeline, saver, type Source } from '@leat/sdk';
import { ReceiptSender } from '@leat/runtime';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  NEVER,
  newName,
  openPipeline,
  SERVERS,
  sharedServer,
  startReceiver,
} from '../support/jetstream.ts';
import {
  createRun,
  type MemoryPipeline,
  MemorySink,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const COUNT = 4_000;
const Numbered = z.object({ n: z.number() });

/** A line whose window is larger than its dataset: 4,000 chunks of one record. */
function lineOf(source: Source<{ n: number }>): MemoryPipeline {
  const numbers = fetcher('numbers', { source, schema: Numbered, chunkSize: 1, window: COUNT });
  const work = mapper('work', { from: numbers, schema: Numbered, map: (record) => record });
  const sink = new MemorySink();
  const definition: Pipeline = pipeline(newName(), {
    savers: [saver('out', { from: work, sink })],
  });
  return { pipeline: definition, mapper: work, sink };
}

describe.each(SERVERS)('where a message has 16 kB at most, on $server', ({ version }) => {
  const server = sharedServer(version, { config: 'max_payload: 16384' });

  test('a ledger that outgrows it fails the run, and says what to do', async () => {
    const numbers = generate(COUNT, (n) => ({ n }));
    const line = lineOf({
      kind: 'wordy',
      async *chunks(request) {
        for await (const chunk of numbers.chunks(request)) {
          yield { ...chunk, nextCursor: 'x'.repeat(20_000) };
        }
      },
    });
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(
        /^The ledger of the run run-1 takes 2\d{4} bytes, 20002 of them the cursor .* smaller window/,
      ),
    });
  });

  test('chunks in flight are so few that every second one may be missing', async () => {
    const line = lineOf(generate(COUNT, (n) => ({ n })));
    const open = await openPipeline(server(), line.pipeline.spec, { maxMessages: 2 * COUNT });
    await createRun(open, line);
    const { reports } = startFetcher(open, line);
    const receipts = new ReceiptSender(open.connection, NEVER);
    const late: (() => void)[] = [];
    const { deliveries } = startReceiver(
      open,
      ({ envelope: { run, chunk, counts }, ack }) => {
        const settle = (): void => {
          const receipt = { chunk: formatChunkId(chunk), counts, digest: '', fence: 0, buried: [] };
          void receipts.send({ run }, receipt).then(ack);
        };
        if (chunk.seq % 2 === 0) settle();
        else late.push(settle);
      },
      2 * COUNT,
    );
    const gaps = async (): Promise<number> =>
      (await open.connection.runs.progress('run-1'))?.progress.ledger.settledAbove.length ?? 0;
    await until('the ledger is as long as it may become', async () => (await gaps()) > 800);
    expect(deliveries.length).toBeLessThan(COUNT);
    for (let settled = 0; settled < COUNT / 2;) {
      await until('there are more', () => late.length > settled);
      while (settled < late.length) late[settled++]?.();
    }
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({ state: 'completed', records: { in: COUNT } });
  });
});
