import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_TOPOLOGY_SETTINGS, type RunReport } from '@leat/core';
import { ndjsonSink } from '@leat/connectors/files';
import { generate } from '@leat/connectors/memory';
import { type RunPipelineOptions, runPipeline } from '@leat/host';
import { findNatsServer, startNatsServer } from '@leat/nats-server';
import { createLogger, openPipelineConnection, startRun } from '@leat/runtime';
import { fetcher, mapper, type Pipeline, pipeline, saver } from '@leat/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import squares from '../fixtures/pipelines/squares.ts';
import { DEADLINE_MS, expectBalance, expectSquares, linesOf } from '../support/deployment.ts';
import { savedChunks } from '../support/saved-folder.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

interface Square {
  readonly n: number;
  readonly square: number;
}

/** What a folder of the sink holds, in the order of the records. */
async function saved(folder: string): Promise<Square[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ndjson'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) => linesOf<Square>(text)).toSorted((a, b) => a.n - b.n);
}

/** A folder for a run: its state, and what it saves. */
async function site(): Promise<{
  readonly out: string;
  readonly options: RunPipelineOptions<undefined>;
}> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const out = join(dir.path, 'out');
  return { out, options: { stateDir: join(dir.path, 'state'), params: { out } } };
}

/** A pipeline of 200 numbers whose function is the test's. */
function numbers(map: (n: number, signal: AbortSignal) => unknown, sink: string): Pipeline {
  const source = fetcher('numbers', {
    source: generate(200, (n) => n),
    schema: z.int(),
    chunkSize: 10,
    // So that a run that is stopped has chunks left.
    window: 2,
  });
  const work = mapper('work', {
    from: source,
    schema: z.unknown(),
    retry: { attempts: 1 },
    map: (n, { signal }) => map(n, signal),
  });
  return pipeline('numbers', { savers: [saver('files', { from: work, sink: ndjsonSink(sink) })] });
}

test('a pipeline that is given is run in one call, tells how far it has come, and leaves the process as it was', async () => {
  const { out, options } = await site();
  const listeners = (): number[] =>
    ['SIGINT', 'SIGTERM', 'uncaughtException', 'exit'].map((event) => process.listenerCount(event));
  const before = listeners();
  const states: string[] = [];
  const report = await runPipeline(squares, {
    ...options,
    onProgress: ({ state }) => states.push(state),
  });
  expect(report).toMatchObject({
    pipeline: 'squares',
    state: 'completed',
    records: { in: 1_000, saved: 1_000 },
  });
  expectBalance(report);
  expectSquares(await saved(join(out, report.run)), 1_000);
  expect(states).toContain('running');
  expect(listeners()).toEqual(before);
  const { stateDir = '' } = options;
  expect(existsSync(join(stateDir, 'server.json'))).toBe(false);
  expect(existsSync(join(stateDir, 'nats', 'leat-nats-server.pid'))).toBe(false);
  const second = await runPipeline(squares, options);
  expect(second.run).not.toBe(report.run);
});

test('a program that is killed, and run again, has every record once', async () => {
  await using dir = await tempDir();
  const program = fileURLToPath(new URL('../fixtures/programs/run-steady.mjs', import.meta.url));
  const start = (): { readonly ended: Promise<string>; readonly kill: () => void } => {
    const child = spawn(process.execPath, [program, '6000', '5'], {
      cwd: dir.path,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    return {
      ended: new Promise((resolve) => {
        child.on('close', () => resolve(text));
      }),
      kill: () => void child.kill('SIGKILL'),
    };
  };
  const out = join(dir.path, 'out', 'steady');
  const first = start();
  let run: string | undefined;
  await until(
    'a third of it',
    async () => {
      run ??= (await readdir(out).catch(() => []))[0];
      return run !== undefined && (await savedChunks(join(out, run))) >= 100;
    },
    DEADLINE_MS,
  );
  first.kill();
  expect(await first.ended).toBe('');
  const report = JSON.parse(await start().ended) as RunReport;
  expect(report).toMatchObject({ run, state: 'completed', records: { in: 6_000, saved: 6_000 } });
  expectBalance(report);
  expectSquares(await saved(join(out, report.run)), 6_000);
});

test('it stops by its signal, with the reason, and goes on when it is called again', async () => {
  const { out, options } = await site();
  const stop = new AbortController();
  const reason = new Error('enough');
  let isHeld = true;
  const slow = numbers(async (n, signal) => {
    if (n >= 100 && isHeld) {
      stop.abort(reason);
      isHeld = false;
    }
    signal.throwIfAborted();
    return { n };
  }, out);
  await expect(runPipeline(slow, { ...options, params: {}, signal: stop.signal })).rejects.toBe(
    reason,
  );
  const [run = ''] = await readdir(out);
  const report = await runPipeline(slow, { ...options, params: {} });
  expect(report).toMatchObject({ run, state: 'completed', records: { in: 200, saved: 200 } });
  const before = AbortSignal.abort(reason);
  await expect(runPipeline(slow, { ...options, signal: before })).rejects.toBe(reason);
});

test('a run whose folder is gone ends with a sentence, and a new one has its own chunks only', async () => {
  const { out, options } = await site();
  const given = { ...options, params: {} };
  const stop = new AbortController();
  let calls = 0;
  const counted = numbers(async (n, signal) => {
    calls++;
    if (n >= 100) {
      stop.abort(new Error('enough'));
      if (!signal.aborted) await new Promise((resolve) => setImmediate(resolve));
    }
    return { n };
  }, out);
  await expect(runPipeline(counted, { ...given, signal: stop.signal })).rejects.toThrow('enough');
  const [run = ''] = await readdir(out);
  await rm(out, { recursive: true });
  await expect(runPipeline(counted, given)).rejects.toMatchObject({
    code: 'sink-taken',
    message: expect.stringMatching(
      new RegExp(`what is there now is not that: .* "leat cancel ${run}" and start a new one`),
    ) as string,
  });
  calls = 0;
  const report = await runPipeline(counted, { ...given, new: true });
  expect(report).toMatchObject({ state: 'completed', records: { in: 200, saved: 200 } });
  expect([report.run === run, calls]).toEqual([false, 200]);
});

test('why a run failed is thrown', async () => {
  const { out, options } = await site();
  const broken = pipeline('broken', {
    savers: [
      saver('files', {
        from: fetcher('numbers', {
          schema: z.int(),
          source: {
            kind: 'broken',
            async *chunks() {
              yield* [];
              throw new Error('the disk is on fire');
            },
          },
        }),
        sink: ndjsonSink(out),
      }),
    ],
  });
  await expect(runPipeline(broken, options)).rejects.toMatchObject({
    name: 'LeatError',
    message: expect.stringContaining('the disk is on fire'),
  });
});

test('a server that dies for good ends the run with the reason, and a run over it goes on later', async () => {
  const { out, options } = await site();
  await using dir = await tempDir();
  const binary = join(dir.path, 'nats-server');
  await copyFile((await findNatsServer()).path, binary);
  const { NATS_SERVER_BIN } = process.env;
  process.env['NATS_SERVER_BIN'] = binary;
  onTestFinished(() => {
    if (NATS_SERVER_BIN === undefined) delete process.env['NATS_SERVER_BIN'];
    else process.env['NATS_SERVER_BIN'] = NATS_SERVER_BIN;
  });
  const { stateDir = '' } = options;
  let isFirst = true;
  const doomed = numbers(async (n) => {
    if (n === 50 && isFirst) {
      isFirst = false;
      await rm(binary);
      const claim = await readFile(join(stateDir, 'nats', 'leat-nats-server.pid'), 'utf8');
      const { pid } = JSON.parse(claim) as { readonly pid: number };
      process.kill(pid, 'SIGKILL');
    }
    return { n };
  }, out);
  await expect(runPipeline(doomed, { ...options, params: {} })).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/nats-server.*\.$/i),
  });
  if (NATS_SERVER_BIN === undefined) delete process.env['NATS_SERVER_BIN'];
  else process.env['NATS_SERVER_BIN'] = NATS_SERVER_BIN;
  const report = await runPipeline(doomed, { ...options, params: {} });
  expect(report).toMatchObject({ state: 'completed', records: { in: 200, saved: 200 } });
});

test('over a server that is named, no other is started, and no run of others is gone on with', async () => {
  const { out, options } = await site();
  await using server = await startNatsServer();
  const given = { ...options, connection: { servers: server.url } };
  // One that somebody has started there, for services that are not up yet.
  const connection = await openPipelineConnection(
    squares.spec,
    { nats: { url: server.url }, topology: DEFAULT_TOPOLOGY_SETTINGS },
    { name: 'test', logger: createLogger({ format: 'json', level: 'silent' }) },
  );
  onTestFinished(() => connection.close());
  const theirs = { pipeline: squares, params: { out }, run: 'theirs' };
  await startRun(connection.runs, theirs);
  const report = await runPipeline(squares, { ...given, run: 'mine' });
  expect(report).toMatchObject({ run: 'mine', state: 'completed' });
  expect(existsSync(options.stateDir ?? '')).toBe(false);
  expectSquares(await saved(join(out, 'mine')), 1_000);
  const second = await runPipeline(squares, given);
  expect(second.run).not.toBe('theirs');
  expect(await connection.runs.progress('theirs')).toBeUndefined();
});

test('a pipeline that needs its file is refused without it, before anything is started', async () => {
  const { options } = await site();
  const threaded = mapper('threaded', {
    from: fetcher('numbers', { source: generate(1, (n) => n), schema: z.int() }),
    schema: z.int(),
    threads: 2,
    map: (n) => n,
  });
  const given = pipeline('threaded', {
    savers: [saver('files', { from: threaded, sink: ndjsonSink('out') })],
  });
  await expect(runPipeline(given, options)).rejects.toMatchObject({
    code: 'invalid-pipeline',
    message:
      'The mapper threaded has 2 threads, for which its pipeline file is loaded again, and only the pipeline was given: give the path or URL of the file that exports it as default.',
  });
  expect(existsSync(options.stateDir ?? '')).toBe(false);
});
