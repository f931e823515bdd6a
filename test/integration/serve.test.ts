import { setImmediate } from 'node:timers/promises';
import { DEFAULT_TOPOLOGY_SETTINGS, LeatError } from '@leat/core';
import { ndjsonSink } from '@leat/connectors/files';
import { generate } from '@leat/connectors/memory';
import { serve } from '@leat/host';
import { connect } from '@leat/operate';
import { startNatsServer } from '@leat/nats-server';
import {
  createLogger,
  openPipelineConnection,
  type PipelineConnection,
  startRun,
} from '@leat/runtime';
import { fetcher, mapper, type Pipeline, pipeline, saver } from '@leat/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import squares from '../fixtures/pipelines/squares.ts';
import { fixture } from '../support/leat.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

/** A server for a test, and how a service is told of it. */
async function site(): Promise<{ readonly url: string; readonly connection: { servers: string } }> {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  return { url: server.url, connection: { servers: server.url } };
}

async function connectionTo(url: string): Promise<PipelineConnection> {
  const connection = await openPipelineConnection(
    squares.spec,
    { nats: { url }, topology: DEFAULT_TOPOLOGY_SETTINGS },
    { name: 'test', logger: createLogger({ format: 'json', level: 'silent' }) },
  );
  onTestFinished(() => connection.close());
  return connection;
}

test('roles that are served in one process, from a value or a file, bring a run to its end', async () => {
  const { url, connection } = await site();
  await using dir = await tempDir();
  const listeners = (): number[] =>
    ['SIGINT', 'SIGTERM', 'uncaughtException', 'exit'].map((event) => process.listenerCount(event));
  const before = listeners();
  const ended: string[] = [];
  await using fetching = await serve(squares, {
    connection,
    roles: ['fetcher'],
    onRunEnded: ({ run, state }) => ended.push(`${run} ${state}`),
  });
  await using working = await serve(fixture('squares.ts'), {
    connection,
    roles: ['mapper', 'saver'],
  });
  expect(fetching.stages).toEqual(['numbers']);
  expect(working.stages).toEqual(['squares', 'files']);
  await until('it pulls', () => working.health.isReady);
  const { runs } = await connectionTo(url);
  const { request } = await startRun(runs, { pipeline: squares, params: { out: dir.path } });
  await until('the run has ended', () => ended.length > 0);
  expect(ended).toEqual([`${request.run} completed`]);
  expect(listeners()).toEqual(before);
  await working.stop();
  expect(working.health).toEqual({
    isReady: false,
    reason: 'it was asked to stop, and finishes what is in hand',
  });
  await expect(working.ended).resolves.toBeUndefined();
});

test('with `once`, a service ends when no run is left', async () => {
  const { connection } = await site();
  const service = await serve(squares, { connection, once: true });
  await expect(service.ended).resolves.toBeUndefined();
});

/** The squares with a sink that can never work. */
function unfitSquares(): Pipeline {
  const refused = new LeatError('sink-unfit', 'There is no such table.');
  const numbers = fetcher('numbers', { source: generate(10, (n) => n), schema: z.int() });
  const work = mapper('squares', { from: numbers, schema: z.int(), map: (n) => n });
  const sink = { kind: 'none', open: () => Promise.reject(refused) };
  return pipeline('squares', { savers: [saver('files', { from: work, sink })] });
}

test('what keeps a service from working is what `ended` throws', async () => {
  const { url, connection } = await site();
  await using service = await serve(unfitSquares(), { connection });
  const { runs } = await connectionTo(url);
  await startRun(runs, { pipeline: squares, params: {} });
  await expect(service.ended).rejects.toMatchObject({ code: 'sink-unfit' });
});

test('why a service failed is not lost if nobody looks: it is thrown when the service is disposed of', async () => {
  const { url, connection } = await site();
  const logger = recordingLogger();
  const service = await serve(unfitSquares(), { connection, logger });
  const { runs } = await connectionTo(url);
  await startRun(runs, { pipeline: squares, params: {} });
  await until('it has failed', () =>
    logger.at('error').some((line) => line.includes('service failed')),
  );
  await expect(service[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'sink-unfit' });
});

test('probes and metrics are answered on the port that is asked for', async () => {
  const { connection } = await site();
  await using service = await serve(squares, {
    connection,
    roles: ['mapper', 'saver'],
    http: { port: 0 },
  });
  const url = `http://127.0.0.1:${service.httpPort}`;
  await until('it is ready', async () => (await fetch(`${url}/readyz`)).status === 200);
  const text = await (await fetch(`${url}/metrics`)).text();
  expect(text).toContain(
    'leat_chunks_in_flight{stage="files",pipeline="squares",role="mapper-saver"} 0',
  );
  expect(text).not.toContain('leat_lease_held');
});

test('a service that waits for a server is given up by its signal, with the reason', async () => {
  const stop = new AbortController();
  const reason = new Error('enough');
  const waiting = serve(squares, {
    connection: { servers: 'nats://127.0.0.1:1' },
    signal: stop.signal,
  });
  stop.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

test('a service is stopped in its time also when the server is dead', async () => {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  const connection = { servers: server.url };
  let done = 0;
  const slow = mapper('slow', {
    from: fetcher('numbers', {
      source: generate(10_000, (n) => n),
      schema: z.int(),
      chunkSize: 10,
    }),
    schema: z.int(),
    map: async (n) => {
      await setImmediate();
      done++;
      return n;
    },
  });
  await using dir = await tempDir();
  const given = pipeline('slow', {
    savers: [saver('files', { from: slow, sink: ndjsonSink(dir.path) })],
  });
  const service = await serve(given, { connection });
  await using leat = await connect(connection);
  await leat.start(given);
  await until('it works', () => done > 100);
  await server.kill();
  const before = performance.now();
  await service.stop(500);
  expect(performance.now() - before).toBeLessThan(2_000);
  await service.ended.catch(() => undefined);
});

test('a service takes a logger of four methods', async () => {
  const { connection } = await site();
  const lines: string[] = [];
  const write = (first: string | object, text?: string): void => {
    lines.push(typeof first === 'string' ? first : (text ?? ''));
  };
  const logger = { debug: write, info: write, warn: write, error: write };
  await using service = await serve(squares, { connection, logger });
  expect(service.stages).toEqual(['numbers', 'squares', 'files']);
  expect(lines).toContain('service ready');
});

test('a signal stops a service that is connected', async () => {
  const { connection } = await site();
  const stop = new AbortController();
  const service = await serve(squares, { connection, signal: stop.signal });
  stop.abort();
  await expect(service.ended).resolves.toBeUndefined();
});

test.each([
  [{ roles: [] }, 'No role is given: name at least one of fetcher, mapper, saver.'],
  [{ roles: ['reader' as never] }, 'There is no role "reader": use fetcher, mapper, saver.'],
  [
    { stage: 'cubes', roles: ['mapper'] as const },
    'The pipeline squares has no mapper named "cubes"; it has squares.',
  ],
])('what cannot be hosted is refused: %j', async (options, message) => {
  await expect(serve(squares, options)).rejects.toMatchObject({
    code: 'invalid-configuration',
    message,
  });
});

test('a mapper with threads is served from its file, and refused without it', async () => {
  const { connection } = await site();
  const numbers = fetcher('numbers', { source: generate(10, (n) => n), schema: z.int() });
  const threaded = mapper('work', { from: numbers, schema: z.int(), threads: 1, map: (n) => n });
  const given = pipeline('threaded', {
    savers: [saver('files', { from: threaded, sink: ndjsonSink('out') })],
  });
  await expect(serve(given, { connection })).rejects.toThrow('give the path or URL of the file');
  await using saving = await serve(given, { connection, roles: ['saver'] });
  expect(saving.stages).toEqual(['files']);
  const url = new URL('../fixtures/pipelines/poison.ts', import.meta.url);
  process.env['POISON_THREADS'] = '1';
  onTestFinished(() => void delete process.env['POISON_THREADS']);
  await using mapping = await serve(url, { connection, roles: ['mapper'] });
  expect(mapping.stages).toEqual(['risky']);
});

test('a mapper that has no room for its results ends all the same when it is to stop', async () => {
  const { url, connection } = await site();
  const topology = { maxMessages: 2 };
  await using fetching = await serve(squares, { connection, topology, roles: ['fetcher'] });
  const logger = recordingLogger();
  await using mapping = await serve(squares, { connection, topology, logger, roles: ['mapper'] });
  await using leat = await connect({ servers: url, topology });
  const run = await leat.start(squares);
  // Nobody saves.
  const isFull = (): boolean =>
    logger.at('warn').some((each) => each.startsWith('waiting to send: the queue does not take'));
  await until('it waits for room', isFull, 60_000);
  await mapping.stop();
  await expect(mapping.ended).resolves.toBeUndefined();
  await fetching.stop();
  const { chunks } = await run.report();
  expect(chunks.saved).toBe(0);
});
