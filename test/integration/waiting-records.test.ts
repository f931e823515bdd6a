import { BusyError } from '@leat/sdk';
import { expect, test } from 'vitest';
import { openPipeline, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const server = sharedServer(undefined);

test('a record that waits is named beside its run; what is not busy but broken is dead', async () => {
  let isBusy = true;
  const map = (record: { n: number }): { n: number } => {
    if (record.n === 5 && isBusy) throw new BusyError('the service answers 503');
    if (record.n !== 7) return record;
    // As a child process that took too long.
    const fields = { code: 'ETIMEDOUT', syscall: 'spawnSync sleep', spawnargs: ['5'] };
    throw Object.assign(new Error('spawnSync sleep ETIMEDOUT'), fields);
  };
  const line = memoryPipeline(20, { map, retry: { attempts: 2, maxDelayMs: 500 } }, 10);
  const open = await openPipeline(server(), line.pipeline.spec);
  await createRun(open, line);
  startStages(open, line);
  const { reports } = startFetcher(open, line);
  const { notes } = open.connection.runs;
  await until('the record is named', async () => (await notes.troubles('run-1')).length > 0);
  expect(await notes.troubles('run-1')).toMatchObject([
    {
      stage: 'work',
      reason: expect.stringMatching(
        /^a record waits to be tried again, since \d.*Z: record 5 of generate, chunk 0: the service answers 503$/,
      ),
    },
  ]);
  isBusy = false;
  await until('the run has ended', () => reports.length === 1);
  expect(reports[0]).toMatchObject({ records: { saved: 19, dead: 1 } });
});

test('a record of each chunk that waits long keeps no other chunk from being worked on', async () => {
  const tried = new Set<number>();
  const map = async (record: { n: number }): Promise<{ n: number }> => {
    tried.add(record.n);
    await Promise.resolve();
    if (record.n % 10 === 7) throw new Error('not yet');
    return record;
  };
  const retry = {
    attempts: 2,
    initialDelayMs: 600_000,
    maxDelayMs: 600_000,
    jitter: 'none',
  } as const;
  const line = memoryPipeline(100, { map, retry, concurrency: 1 }, 10);
  const open = await openPipeline(server(), line.pipeline.spec);
  await createRun(open, line);
  startStages(open, line);
  startFetcher(open, line);
  await until('all records were tried', () => tried.size === 100);
  expect(line.sink.numbers).toEqual([]);
});
