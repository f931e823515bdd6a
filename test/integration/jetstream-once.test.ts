import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runMapper } from '@leat/mapper';
import type { Mapper } from '@leat/sdk';
import { loadPipeline } from '@leat/runtime';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fixture } from '../support/leat.ts';
import { block, openPipeline, SERVERS, sharedServer, startReceiver } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  progressOf,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const WORK_MS = 5_000;
const ACK_WAIT_MS = 2_000;

describe.each(SERVERS)('work that takes far longer than the window of $server', ({ version }) => {
  const server = sharedServer(version);

  test.each<[string, () => Promise<unknown> | undefined]>([
    ['waits', () => delay(WORK_MS)],
    [
      'keeps the thread busy',
      () => {
        block(WORK_MS);
        return undefined;
      },
    ],
  ])('is done once when it %s, with another replica at hand', async (_, work) => {
    const executed: number[] = [];
    const line = memoryPipeline(
      1,
      {
        map: (record) => {
          executed.push(record.n);
          const working = work();
          return working === undefined ? record : working.then(() => record);
        },
      },
      1,
    );
    const { spec } = line.pipeline;
    const open = await openPipeline(server(), spec, { ackWaitMs: ACK_WAIT_MS });
    await createRun(open, line);
    startStages(open, line);
    startStages(await openPipeline(server(), spec, { ackWaitMs: ACK_WAIT_MS }), line);
    const { reports } = startFetcher(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(executed).toEqual([0]);
    expect(reports[0]).toMatchObject({ state: 'completed', duplicatesIgnored: 0 });
  });

  test('is done once in a thread', async () => {
    const directory = await tempDir();
    onTestFinished(() => directory[Symbol.asyncDispose]());
    const log = join(directory.path, 'log');
    const file = fixture('slow-once.ts');
    const loaded = await loadPipeline(file);
    const name = `slow-once-${version === undefined ? 'new' : 'old'}`;
    const pipeline = { ...loaded, name, spec: { ...loaded.spec, name } };
    const open = await openPipeline(server(), pipeline.spec, { ackWaitMs: ACK_WAIT_MS });
    const mapper = pipeline.stages.find(({ kind }) => kind === 'mapper') as Mapper;
    const line = { ...memoryPipeline(1, { map: (r) => r }), pipeline, mapper };
    const params = { log, ms: `${WORK_MS / 2}`, out: join(directory.path, 'out') };
    const createdAt = new Date().toISOString();
    const { spec } = pipeline;
    await open.connection.runs.create({ run: 'run-1', pipeline: name, params, spec, createdAt });
    startStages(open, line, file);
    startFetcher(open, line);
    await until('the run has ended', async () => (await progressOf(open))?.state === 'completed');
    expect((await readFile(log, 'utf8')).split('\n').toSorted()).toEqual(['', '0', '1']);
  });

  test('in a thread it is given back when the service must leave everything', async () => {
    const directory = await tempDir();
    onTestFinished(() => directory[Symbol.asyncDispose]());
    const log = join(directory.path, 'log');
    const file = fixture('slow-once.ts');
    const loaded = await loadPipeline(file);
    const name = `left-${version === undefined ? 'new' : 'old'}`;
    const pipeline = { ...loaded, name, spec: { ...loaded.spec, name } };
    const open = await openPipeline(server(), pipeline.spec);
    const mapper = pipeline.stages.find(({ kind }) => kind === 'mapper') as Mapper;
    const params = { log, ms: '60000', out: join(directory.path, 'out') };
    const createdAt = new Date().toISOString();
    const { spec } = pipeline;
    await open.connection.runs.create({ run: 'run-1', pipeline: name, params, spec, createdAt });
    const stop = new AbortController();
    const running = runMapper({
      connection: open.connection,
      pipeline,
      mapper,
      pipelineFile: file,
      logger: open.logger,
      log: { format: 'json', level: 'silent' },
      stop: stop.signal,
      abort: stop.signal,
    });
    startFetcher(open, { ...memoryPipeline(1, { map: (r) => r }), pipeline, mapper });
    await until('work has begun', async () => (await readFile(log, 'utf8').catch(() => '')) !== '');
    stop.abort();
    const abortedAt = performance.now();
    await running;
    expect(performance.now() - abortedAt).toBeLessThan(20_000);
    const other = startReceiver(open, ({ ack }) => ack(), 64, 'slow');
    // Within the ten seconds after which it would come back from a holder that is silent.
    await until('another has it', () => other.deliveries.length === 2, 8_000);
  });
});
