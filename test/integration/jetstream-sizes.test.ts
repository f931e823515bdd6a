import { deadSubject } from '@leat/core';
import { csv, jsonArray, ndjsonSource } from '@leat/connectors/files';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { bury } from '@leat/runtime';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { TemporaryFiles } from '../../packages/connectors/src/files/temporary-files.testsuite.ts';
import {
  envelopeOf,
  lineSpec,
  NEVER,
  newName,
  openPipeline,
  SERVERS,
  sharedServer,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  MemorySink,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const files = new TemporaryFiles();
const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe.each(SERVERS)('what outgrows a message on $server', ({ version }) => {
  const server = sharedServer(version);

  test('origins full of gaps do not fit into headers, and arrive all the same', async () => {
    const isOdd = (n: number): boolean => n % 2 === 1;
    const flatMap = (record: { n: number }) => (isOdd(record.n) ? [record] : []);
    const line = memoryPipeline(50_000, { flatMap }, 25_000);
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({ state: 'completed', records: { filtered: 25_000 } });
    expect(line.sink.numbers).toEqual(Array.from({ length: 25_000 }, (_, n) => 2 * n + 1));
  });

  test('an error of three megabytes does not keep its record from the dead letters', async () => {
    const map = (record: { n: number }) => {
      if (record.n === 5) throw new Error('x'.repeat(3_000_000));
      return record;
    };
    const line = memoryPipeline(20, { map, retry: { attempts: 1 } }, 10);
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({
      state: 'completed-with-dead-letters',
      records: { in: 20, saved: 19, dead: 1 },
    });
    const { manager, topology } = open.connection;
    const dead = await manager.streams.getMessage(topology.dead.name, {
      last_by_subj: deadSubject(line.pipeline.name, 'run-1'),
    });
    const letter = dead?.json<{ record: string; isCut?: boolean; error: { message: string } }>();
    expect(letter).toMatchObject({ record: '{"n":5}' });
    expect(letter).not.toHaveProperty('isCut');
    expect(letter?.error.message).toMatch(/^x{16384}…$/);
  });

  test.each([
    {
      what: 'brackets that no stack holds',
      format: ndjsonSource,
      text: `1\n${deep(200_000)}\n2\n`,
    },
    { what: 'the same in an array', format: jsonArray, text: `[1,${deep(200_000)},2]` },
    {
      what: 'a row that no message holds',
      format: csv,
      text: `n\n1\n"${'x'.repeat(3_000_000)}"y\n2\n`,
    },
  ])('$what becomes a dead letter, its neighbours are saved', async ({ format, text }) => {
    const Any = z.json();
    const lines = fetcher('lines', { source: format(files.write(text)), schema: Any });
    const work = mapper('work', { from: lines, schema: Any, map: (record) => record });
    const sink = new MemorySink();
    const definition = pipeline(newName(), { savers: [saver('out', { from: work, sink })] });
    const line = { pipeline: definition, mapper: work, sink };
    const open = await openPipeline(server(), definition.spec);
    await createRun(open, line);
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({
      state: 'completed-with-dead-letters',
      records: { in: 3, saved: 2, dead: 1 },
    });
  });

  test('a server that takes less since it was restarted gets what is on its way in another form', async () => {
    await using dir = await tempDir();
    const storeDir = dir.path;
    const first = await startServer(version, { storeDir });
    const spec = lineSpec();
    const open = await openPipeline(first, spec);
    const { connection } = open;
    const before = connection.maxPayload;
    await first.stop();
    const wide = 'x'.repeat(100_000);
    const body = Buffer.from(`${JSON.stringify(wide)}\n`);
    const place = { stage: 'work', chunk: envelopeOf(1) };
    const dead = { index: 0, position: 'record 1', attempts: 1, error: { name: 'E', message: '' } };
    const sending = [
      connection.queues.send('work', envelopeOf(0), body, NEVER),
      bury(connection, place, [{ ...dead, record: wide }], NEVER),
    ];
    const { port } = new URL(first.url);
    const config = 'max_payload: 65536';
    await startServer(version, { storeDir, port: Number(port), config });
    await Promise.all(sending);
    expect([before, connection.maxPayload]).toEqual([1_048_576, 65_536]);
    const received = startReceiver(open, ({ ack }) => ack());
    await until('the chunk has come', () => received.deliveries.length === 1);
    expect(Buffer.from(received.deliveries[0]?.body ?? []).equals(body)).toBe(true);
    const letter = await connection.manager.streams.getMessage(connection.topology.dead.name, {
      last_by_subj: deadSubject(spec.name, 'run-1'),
    });
    expect(letter?.json()).toMatchObject({ isCut: true, position: 'record 1' });
  });
});
