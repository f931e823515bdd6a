import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mapper } from '@leat/sdk';
import { createLogger, loadPipeline, type Logger, PipelineStores } from '@leat/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
// The built one: worker threads load their program by its file.
import { createExecutor, type Executor } from '../dist/executor.js';
import { GuardedExecutor } from '../dist/guarded-executor.js';
import { memoryStores } from '../../connectors/src/memory/memory-stores.ts';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { until } from '../../../test/support/until.ts';
import type { OnWait, ServiceJob } from './job.ts';

const LIMITS = { chunkSize: 10, maxBytes: 1_000_000 };
const SOURCE = `
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { BusyError, fetcher, mapper, pipeline, RetryAfterError, saver, TerminalError } from '@leat/sdk';
import { isMainThread, threadId } from 'node:worker_threads';
import { z } from 'zod';

const schema = z.object({ n: z.number(), thread: z.number().optional() });
const numbers = fetcher('numbers', { source: { kind: 'none', async *chunks() {} }, schema });
const begun = new URL('begun', import.meta.url);
let busy = 0;
const work = mapper('work', {
  from: numbers, schema, threads: 2, concurrency: 20, retry: { attempts: 2, initialDelayMs: 1 },
  map: async ({ n }) => {
    if (isMainThread && n < 100) throw new Error('in the main thread');
    if (n === 100) throw new TerminalError('fatal');
    if (n === 101 && busy++ < 5) throw new BusyError('busy');
    if (n === 102) for (;;);
    if (n === 103) process.exit(1);
    if (n === 104) await new Promise(() => undefined);
    if (n === 105 && busy++ < 3) throw new RetryAfterError(700);
    if (n === 106) setTimeout(() => process.exit(1), 20);
    if (n >= 200) {
      appendFileSync(begun, '.');
      while (readFileSync(begun).length < 2) await delay(5);
    }
    return { n, thread: threadId };
  },
});
const out = saver('out', { from: work, sink: { kind: 'none', open: async () => { throw new Error(); } } });
const added = mapper('added', {
  from: numbers, schema: z.object({ thread: z.number() }), threads: 1, retry: { attempts: 2, initialDelayMs: 1 },
  enrich: ({ n }, { attempt }) => {
    if (n === 2) throw new TerminalError('fatal');
    if (n === 3 && attempt === 1) throw new Error('first time');
    return isMainThread ? {} : { thread: n };
  },
});
const mended = mapper('mended', {
  from: numbers, schema, threads: 1, retry: 1,
  map: ({ n }) => {
    if (n === 2) throw new TerminalError('fatal');
    return { n };
  },
  recover: ({ n }, { error }) => (isMainThread ? { n } : { n: error.message.length, thread: n }),
});
const kept = mapper('kept', {
  from: numbers, schema, threads: 1,
  map: async ({ n }, { once, blobs }) => {
    const reference = await once('k', () => blobs.put('b', new Uint8Array([n])));
    const bytes = await blobs.get(reference);
    return { n: bytes[0], thread: await once('t', () => (isMainThread ? process.pid : threadId)) };
  },
});
const keeper = saver('keeper', { from: kept, sink: { kind: 'none', open: async () => { throw new Error(); } } });
const rest = saver('rest', { from: mended, sink: { kind: 'none', open: async () => { throw new Error(); } } });
const more = saver('more', { from: added, sink: { kind: 'none', open: async () => { throw new Error(); } } });
export default pipeline('p', { savers: [out, more, keeper, rest] });
`;

let directory: string;
let file: string;
let stage: Mapper;
let adding: Mapper;

beforeAll(async () => {
  // Inside the package, so that the file finds Leat.
  directory = await mkdtemp(fileURLToPath(new URL('../.test-', import.meta.url)));
  file = join(directory, 'pipeline.mjs');
  await writeFile(file, SOURCE);
  const { stages } = await loadPipeline(file);
  stage = stages.find(({ name }) => name === 'work') as Mapper;
  adding = stages.find(({ name }) => name === 'added') as Mapper;
});

afterAll(() => rm(directory, { recursive: true }));

function start(
  mapper: Mapper = stage,
  pipelineFile: string | undefined = file,
  logger: Logger = createLogger({ format: 'json', level: 'silent' }),
): Executor {
  const executor = createExecutor(mapper, {
    chunkSize: LIMITS.chunkSize,
    pipelineFile,
    logger,
    log: { format: 'json', level: 'silent' },
  });
  onTestFinished(() => executor.close());
  return executor;
}

function jobOf(...numbers: number[]): ServiceJob {
  // A window into a larger buffer, as what comes off a socket is.
  const text = numbers.map((n) => `{"n":${n}}\n`).join('');
  return {
    run: { id: 'r', pipeline: 'p', params: {} },
    given: { id: 'r', pipeline: 'p', params: {} },
    limits: LIMITS,
    chunk: '0',
    body: Buffer.from(`before${text}after`).subarray(6, 6 + text.length),
    records: numbers.length,
    position: { source: 'a', unit: 'line', first: 1 },
  };
}

const NEVER = new AbortController().signal;

test('what is kept is kept by the mapper, for a thread and for the quarantine', async () => {
  const { stages } = await loadPipeline(file);
  const mapper = stages.find(({ name }) => name === 'kept') as Mapper;
  const logger = createLogger({ format: 'json', level: 'silent' });
  const stores = new PipelineStores(memoryStores(), { pipeline: 'p', logger });
  const log = { format: 'json', level: 'silent' } as const;
  const options = { chunkSize: LIMITS.chunkSize, pipelineFile: file, logger, log, stores };
  const executor = new GuardedExecutor(mapper, options);
  onTestFinished(() => executor.close());
  const linesAt = async (job: ServiceJob, deliveries: number): Promise<string> => {
    const { pieces, dead } = await executor.run(job, deliveries, NEVER);
    expect(dead).toEqual([]);
    return Buffer.from(pieces[0]?.body ?? []).toString();
  };
  const inThread = await linesAt(jobOf(1, 2), 1);
  expect(inThread).toMatch(/^\{"n":1,"thread":\d+\}\n\{"n":2,"thread":\d+\}\n$/);
  // Delivered so often, it is worked on in a process of its own: what was done in the thread is there.
  expect(await linesAt(jobOf(1, 2), 4)).toBe(inThread);
  const inProcess = await linesAt({ ...jobOf(3), chunk: '1' }, 4);
  expect(await linesAt({ ...jobOf(3), chunk: '1' }, 1)).toBe(inProcess);
});

test('a thread adds fields to lines', async () => {
  const job = jobOf(1, 2, 3);
  const { pieces, dead, retries } = await start(adding).run(job, new AbortController().signal);
  expect(pieces.map(({ body }) => Buffer.from(body).toString())).toEqual([
    '{"n":1,"thread":1}\n{"n":3,"thread":3}\n',
  ]);
  expect([dead.map(({ record }) => record), retries]).toEqual([['{"n":2}'], 1]);
});

test('a thread recovers a record that would be given up', async () => {
  const { stages } = await loadPipeline(file);
  const mapper = stages.find(({ name }) => name === 'mended') as Mapper;
  const { pieces, dead, recovered } = await start(mapper).run(jobOf(1, 2), NEVER);
  const lines = pieces.map(({ body }) => Buffer.from(body).toString());
  expect([lines, dead, recovered]).toEqual([['{"n":1}\n{"n":5,"thread":2}\n'], [], 1]);
});

test('threads do the work, at the same time', async () => {
  const executor = start();
  expect(executor.parallel).toBe(4);
  // Neither ends before both have begun.
  const numbers = [200, 201];
  const results = await Promise.all(numbers.map((n) => executor.run(jobOf(n), NEVER)));
  const lines = results.map(
    ({ pieces }) =>
      JSON.parse(Buffer.from(pieces[0]?.body ?? '').toString()) as { n: number; thread: number },
  );
  expect(lines.map(({ n }) => n)).toEqual(numbers);
  expect(new Set(lines.map(({ thread }) => thread)).size).toBe(2);
});

test('one thread works on as many chunks at once as its concurrency has room for', async () => {
  const executor = start({ ...stage, threads: 1 });
  await writeFile(join(directory, 'begun'), '');
  // As above.
  const results = await Promise.all([200, 201].map((n) => executor.run(jobOf(n), NEVER)));
  expect(results.map(({ pieces }) => pieces.length)).toEqual([1, 1]);
});

test('a thread that ends while it has nothing to do is replaced, and disturbs nobody', async () => {
  const logger = recordingLogger();
  const executor = start({ ...stage, threads: 1 }, file, logger);
  for (let times = 1; times <= 2; times++) {
    expect((await executor.run(jobOf(106), NEVER)).pieces).toHaveLength(1);
    await until('the thread has ended', () => logger.at('warn').length === times);
  }
  expect(logger.at('warn')).toEqual(Array(2).fill('an idle worker thread ended (exit code 1)'));
});

test('a thread that cannot load the file any more blames no record, and the next one may', async () => {
  const edited = join(directory, 'edited.mjs');
  await writeFile(edited, 'export default {');
  const executor = start(stage, edited);
  await expect(executor.run(jobOf(1), NEVER)).rejects.toMatchObject({
    code: 'invalid-pipeline',
    message: expect.stringContaining('They wait until it can.'),
  });
  await writeFile(edited, SOURCE);
  expect((await executor.run(jobOf(1), NEVER)).pieces).toHaveLength(1);
});

test('errors keep their meaning in a thread', async () => {
  const job = jobOf(1, 100, 101);
  const result = await start().run(job, NEVER);
  expect(result.dead).toMatchObject([
    { index: 1, attempts: 1, error: { name: 'TerminalError', message: 'fatal' } },
  ]);
  expect(result).toMatchObject({ retries: 0, pieces: [{ records: 2 }] });
  expect(job.body.length).toBeGreaterThan(0); // a copy was handed over
});

test('an abort ends even a thread that never yields, and the pool goes on', async () => {
  const executor = start();
  const abort = new AbortController();
  const stuck = executor.run(jobOf(102), abort.signal);
  abort.abort();
  await expect(stuck).rejects.toThrow('aborted');
  const { pieces } = await executor.run(jobOf(1), NEVER);
  expect(pieces).toHaveLength(1);
});

test.each([
  ['an endless loop in a thread', 102, 2],
  ['a promise that is never kept, in a thread', 104, 2],
  ['a promise that is never kept', 104, 0],
])('%s times out, and the next chunk is worked on', async (_, n, threads) => {
  const executor = start({ ...stage, threads, timeoutMs: 500 });
  await expect(executor.run(jobOf(n), NEVER)).rejects.toMatchObject({
    name: 'TimedOut',
    message: 'it was worked on for longer than 500 ms, the timeoutMs of its stage',
  });
  const { dead } = await executor.run(jobOf(100), NEVER);
  expect(dead).toMatchObject([{ error: { name: 'TerminalError' } }]);
});

test('who waits for somebody busy does not time out, and its service hears of it', async () => {
  const executor = start({ ...stage, timeoutMs: 500 });
  const startedAt = performance.now();
  const told: unknown[] = [];
  const onWait: OnWait = (...wait) => told.push(wait);
  const { pieces } = await executor.run({ ...jobOf(105), onWait }, NEVER);
  expect(pieces).toHaveLength(1);
  expect(told.at(0)).toEqual([
    'line 1 of a',
    { reason: 'asked to come back in 700 ms', sinceMs: expect.any(Number) },
  ]);
  expect(told.at(-1)).toEqual(['line 1 of a', undefined]);
  expect(performance.now() - startedAt).toBeGreaterThan(1_500);
});

test('a thread that dies fails its chunk, and the pool goes on', async () => {
  const executor = start();
  await expect(executor.run(jobOf(103), NEVER)).rejects.toThrow('exit');
  const { pieces } = await executor.run(jobOf(1), NEVER);
  expect(pieces).toHaveLength(1);
});

test('threads and a time-out without a file to load are refused; otherwise none is needed', async () => {
  const options = {
    chunkSize: LIMITS.chunkSize,
    pipelineFile: undefined,
    logger: createLogger({ format: 'json', level: 'silent' }),
    log: { format: 'json', level: 'silent' },
  } as const;
  expect(() => createExecutor(stage, options)).toThrow(
    'The mapper work has 2 threads, for which its pipeline file is loaded again',
  );
  expect(() => createExecutor({ ...stage, threads: 0, timeoutMs: 5 }, options)).toThrow(
    'The mapper work has a time-out',
  );
  const inline = createExecutor({ ...stage, threads: 0 }, options);
  expect(inline.parallel).toBe(2);
  const { dead } = await inline.run(jobOf(1), NEVER);
  expect(dead[0]?.error.message).toBe('in the main thread');
});
