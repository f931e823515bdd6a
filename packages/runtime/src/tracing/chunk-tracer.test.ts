import { type ChunkId, NO_COUNTS, parseChunkId } from '@leat/core';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { MsgHdrs } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TraceHeaders } from './chunk-span.ts';
import { ChunkTracer, continueTrace } from './chunk-tracer.ts';
import { messageOf } from '../chunks/chunk-message.ts';

const SPEC = {
  name: 'cities',
  stages: [
    { name: 'rows', kind: 'fetcher' },
    { name: 'places', kind: 'mapper', from: 'rows' },
    { name: 'files', kind: 'saver', from: 'places' },
  ],
} as const;

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = new ChunkTracer(SPEC, provider.getTracer('test'));

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});

afterAll(() => {
  context.disable();
  propagation.disable();
});

const POSITION = { unit: 'line', first: 5, source: 'a.csv' } as const;

const chunkOf = (id: string, sending = '') => {
  const chunk = parseChunkId(id) as ChunkId;
  return { run: 'r1', chunk, sending, records: 100, position: POSITION };
};

/** The headers of a chunk's message, as they arrive. */
function headersOf(id: string, headers?: TraceHeaders): MsgHdrs {
  const envelope = { ...chunkOf(id), counts: NO_COUNTS, trace: headers };
  return messageOf(envelope, new Uint8Array()).headers;
}

/** The spans that have ended since it was last called. */
function ended(): readonly ReadableSpan[] {
  const spans = [...exporter.getFinishedSpans()];
  exporter.reset();
  return spans;
}

test('a chunk is one trace, from the fetcher to the saver', () => {
  const sent = tracer.send(chunkOf('42'), ['places']);
  sent.end();
  const mapped = tracer.process('places', chunkOf('42'), headersOf('42', sent.headers), 1);
  const saved = tracer.process('files', chunkOf('42.1-2'), headersOf('42', mapped.headers), 3);
  mapped.end('done');
  saved.end('given-back');
  const [send, map, save] = ended();
  expect([send, map, save].map((span) => span?.spanContext().traceId)).toEqual(
    Array.from({ length: 3 }, () => send?.spanContext().traceId),
  );
  expect(send).toMatchObject({ name: 'send places', kind: SpanKind.PRODUCER });
  expect(send?.parentSpanContext).toBeUndefined();
  expect(map).toMatchObject({ name: 'process places', kind: SpanKind.CONSUMER });
  expect(map?.parentSpanContext?.spanId).toBe(send?.spanContext().spanId);
  expect(save?.parentSpanContext?.spanId).toBe(map?.spanContext().spanId);
  expect(send?.attributes).toEqual({
    'messaging.system': 'nats',
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'send',
    'messaging.destination.name': 'leat.v1.cities.places.r1',
    'leat.pipeline': 'cities',
    'leat.run': 'r1',
    'leat.stage': 'rows',
    'leat.chunk': '42',
    'leat.records': 100,
  });
  expect(save?.attributes).toMatchObject({
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'leat.v1.cities.files.r1',
    'leat.stage': 'files',
    'leat.chunk': '42.1-2',
    'leat.attempt': 3,
    'leat.outcome': 'given-back',
  });
});

test('a chunk that is sent again says so, and one for several readers names them', () => {
  tracer.send(chunkOf('7', '2.1'), ['places', 'files']).end();
  const [send] = ended();
  expect(send).toMatchObject({ name: 'send places,files', attributes: { 'leat.sending': '2.1' } });
  expect(send?.attributes).not.toHaveProperty('messaging.destination.name');
});

test('a message of somebody who does not trace begins a trace, and has no more headers than before', () => {
  const headers = headersOf('1');
  expect(headers.has('traceparent')).toBe(false);
  tracer.process('places', chunkOf('1'), headers, 1).end('done');
  expect(ended()[0]?.parentSpanContext).toBeUndefined();
});

test('a chunk that is handed over in the process is a child, and comes from no queue', () => {
  const mapped = tracer.process('places', chunkOf('1'), undefined, 1);
  tracer.process('files', chunkOf('1'), mapped.headers, 1).end('done');
  mapped.end('done');
  const [save, map] = ended();
  expect(save?.parentSpanContext?.spanId).toBe(map?.spanContext().spanId);
  expect(save?.attributes).toMatchObject({ 'leat.stage': 'files' });
  expect(save?.attributes).not.toHaveProperty('messaging.destination.name');
});

test('what the user traces becomes a child: beside the span, or where only its headers are known', async () => {
  const span = tracer.process('places', chunkOf('1'), undefined, 1);
  const act = async (name: string): Promise<void> => {
    await Promise.resolve();
    trace.getActiveSpan()?.setAttribute('user.tenant', 'a');
    provider.getTracer('user').startSpan(name).end();
  };
  await span.within(() => act('near'));
  await continueTrace(span.headers, () => act('far'));
  await continueTrace(undefined, () => act('outside'));
  span.end('done');
  const [near, far, outside, own] = ended();
  expect(own?.attributes).toMatchObject({ 'user.tenant': 'a' });
  for (const child of [near, far]) {
    expect(child?.parentSpanContext).toMatchObject({ spanId: own?.spanContext().spanId });
    expect(child?.spanContext().traceId).toBe(own?.spanContext().traceId);
  }
  expect(outside?.parentSpanContext).toBeUndefined();
});

test('errors and dead letters are exceptions of the span, and its status', async () => {
  const { signal } = new AbortController();
  const broken = tracer.send(chunkOf('1'), ['places']);
  const work = Promise.reject(new TypeError('no room'));
  await expect(broken.until(work, signal)).rejects.toThrow('no room');
  const span = tracer.process('places', chunkOf('1'), undefined, 1);
  span.bury([
    { position: 'line 7 of a.csv', error: { name: 'Error', message: 'bad', stack: 'at …' } },
  ]);
  span.became({ retries: 4, filtered: 1, recovered: 1 });
  span.bury([
    { position: 'line 8 of a.csv', error: { name: 'RejectedBySink', message: 'too long' } },
  ]);
  span.end('done');
  const [failed, buried] = ended();
  expect(failed?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no room' });
  expect(failed?.events[0]?.attributes).toMatchObject({ 'exception.type': 'TypeError' });
  expect(buried?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'dead letters: 2' });
  expect(buried?.attributes).toMatchObject({
    'leat.retries': 4,
    'leat.recovered': 1,
    'leat.filtered': 1,
    'leat.dead': 2,
  });
  expect(buried?.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
    {
      name: 'exception',
      attributes: {
        'exception.type': 'Error',
        'exception.message': 'bad',
        'exception.stacktrace': 'at …',
        'leat.position': 'line 7 of a.csv',
        'leat.request': 'r1/1/7',
      },
    },
    {
      name: 'exception',
      attributes: {
        'exception.type': 'RejectedBySink',
        'exception.message': 'too long',
        'leat.position': 'line 8 of a.csv',
        'leat.request': 'r1/1/8',
      },
    },
  ]);
});

test('a chunk of one record has the id of that record', () => {
  const one = { ...chunkOf('42.1-2'), records: 1 };
  tracer.send(one, ['places']).end();
  tracer.process('places', { ...one, origins: [3] }, undefined, 1).end();
  tracer.process('places', chunkOf('42'), undefined, 1).end();
  expect(ended().map(({ attributes }) => attributes['leat.request'])).toEqual([
    'r1/42/5',
    'r1/42/8',
    undefined,
  ]);
});

test('a span that lasts as long as a promise ends well with it, or when it is broken off', async () => {
  const { signal } = new AbortController();
  expect(await tracer.send(chunkOf('1'), ['places']).until(Promise.resolve(5), signal)).toBe(5);
  const broken = tracer.send(chunkOf('1'), ['places']);
  const work = Promise.reject(new Error('stopped'));
  await expect(broken.until(work, AbortSignal.abort())).rejects.toThrow('stopped');
  expect(ended()).toMatchObject(
    Array.from({ length: 2 }, () => ({ status: { code: SpanStatusCode.UNSET }, events: [] })),
  );
});
