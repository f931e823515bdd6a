import { describe, expect, test } from 'vitest';
import { openPipeline, SERVERS, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

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
      state: 'completed with dead letters',
      records: { in: 20, saved: 19, dead: 1 },
    });
    const { manager } = open.connection;
    const dead = await manager.streams.getMessage(open.connection.topology.dead.name, {
      last_by_subj: '>',
    });
    const letter = dead?.json<{ record: string; isCut?: boolean; error: { message: string } }>();
    expect(letter).toMatchObject({ record: '{"n":5}' });
    expect(letter).not.toHaveProperty('isCut');
    expect(letter?.error.message).toMatch(/^x{2000}$/);
  });
});
