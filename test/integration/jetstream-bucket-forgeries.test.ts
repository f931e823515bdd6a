import { runFetcher } from '@leat/fetcher';
import { describe, expect, test } from 'vitest';
import { NEVER, openPipeline, type OpenPipeline, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  progressOf,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

/** What stands in no entry of the bucket. */
const BAD_ENTRIES: readonly string[] = [
  '',
  '{',
  'null',
  '42',
  '"cancelled"',
  '[]',
  '{}',
  '{"state":"running"}',
  '{"run":"run-1","spec":null}',
  '{"state":"running","fence":-1,"ledger":{"watermark":1e99}}',
  '{"run":"run-1","born":"x","limits":{"chunkSize":0}}',
  '{"mark":"","place":0}',
  '\u00ff\u00fe',
  'x'.repeat(500_000),
];

async function forgeEntry({ connection }: OpenPipeline, key: string, text: string): Promise<void> {
  const subject = `$KV.${connection.topology.bucket}.${key}`;
  await connection.client.publish(subject, Buffer.from(text, 'latin1'));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('forged entries of the bucket', () => {
  const server = sharedServer(undefined);

  test.each(BAD_ENTRIES.map((text) => [text.slice(0, 60), text]))(
    'in the place of a wish, of progress and of other runs change nothing: %j',
    async (_, text) => {
      const line = memoryPipeline(2_000, { map: (record) => record }, 10);
      const open = await openPipeline(server(), line.pipeline.spec);
      await forgeEntry(open, 'run.other', text);
      await forgeEntry(open, 'progress.another', text);
      await forgeEntry(open, 'wish.run-1', text);
      await forgeEntry(open, 'sink.run-1.out', text);
      await forgeEntry(open, 'trouble.run-1.out', text);
      await createRun(open, line);
      await forgeEntry(open, 'progress.run-1', text);
      const { reports } = startFetcher(open, line);
      await until('the run is on', async () => (await progressOf(open))?.state === 'running');
      await forgeEntry(open, 'progress.run-1', text);
      startStages(open, line);
      await until('the run has ended', () => reports.length === 1);
      expect(reports[0]).toMatchObject({
        state: 'completed',
        records: { in: 2_000, saved: 2_000 },
      });
      expect(line.sink.numbers).toEqual(upTo(2_000));
      expect((await progressOf(open))?.state).toBe('completed');
      expect(open.logger.at('error')).toContain('entry not written by Leat, taken for absent');
    },
  );

  test('in the place of what a run was asked are told, and the run may be created anew', async () => {
    const line = memoryPipeline(100, { map: (record) => record }, 10);
    const open = await openPipeline(server(), line.pipeline.spec);
    await forgeEntry(open, 'run.run-1', '{"run":"run-1"}');
    const { reports } = startFetcher(open, line);
    startStages(open, line);
    await until('it is told', () => open.logger.at('error').length > 0);
    await createRun(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(line.sink.numbers).toEqual(upTo(100));
  });

  test('in the place of a redrive keep no fetcher from its end', async () => {
    const line = memoryPipeline(100, { map: (record) => record }, 10);
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    startStages(open, line);
    const { pipeline } = line;
    const { connection, logger } = open;
    const options = { connection, pipeline, logger, once: true, stop: NEVER };
    await runFetcher(options);
    await forgeEntry(open, 'redrive.run-1', '{"upTo":"all"}');
    await runFetcher(options);
    expect(logger.at('error')).toEqual(['entry not written by Leat, taken for absent']);
    expect((await progressOf(open))?.state).toBe('completed');
  });
});
