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
