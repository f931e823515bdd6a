import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { OtlpCollector, type Span } from '../support/otlp-collector.ts';
import { until } from '../support/until.ts';

const CHUNKS = 20;
const COUNT = CHUNKS * 10;
/** Of a fetcher whose run has completed with dead letters. */
const EXIT_DEAD_LETTERS = 3;

interface Row {
  readonly n: number;
  readonly square: number;
  readonly seenBy: readonly string[];
}

/** So that spans do not wait long in a process that is to be killed, and what it held comes to another soon. */
const env = { OTEL_BSP_SCHEDULE_DELAY: '100', LEAT_ACK_WAIT_MS: '1000' };

/** The chunk in the dataset that a span is about. */
const seqOf = ({ attributes }: Span): number => Number(attributes['leat.chunk']);

test('a chunk is one trace over all processes, and the functions of the user are called in it', async () => {
  await using collector = await OtlpCollector.open();
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  await using site = await Deployment.create('traced.ts', { env: { ...env, ...endpoint } });
  const run = await site.start({ count: COUNT, failAt: 57 });
  const services = [site.service('fetcher'), ...site.services('mapper', 2), site.service('saver')];
  const ended = await Promise.all(services.map((service) => service.ended));
  expect(ended.map(({ code }) => code)).toEqual([EXIT_DEAD_LETTERS, 0, 0, 0]);

  const rows = await site.exported<Row>(run);
  expect(rows).toHaveLength(COUNT - 1);
  for (let seq = 0; seq < CHUNKS; seq++) {
    const [send, ...others] = collector.spans.filter(
      (span) => seqOf(span) === seq && span.name.startsWith('send '),
    );
    expect(others).toEqual([]);
    const spans = collector.spans.filter(({ traceId }) => traceId === send?.traceId);
    const [squares, threaded, files] = ['squares', 'threaded', 'files'].map((stage) =>
      spans.find(({ name }) => name === `process ${stage}`),
    );
    expect(spans).toHaveLength(4);
    expect(send).toMatchObject({ name: 'send squares', service: 'traced-fetcher', kind: 4 });
    expect(send?.parentSpanId).toBeUndefined();
    expect(squares).toMatchObject({ parentSpanId: send?.spanId, service: 'traced-mapper' });
    expect(threaded).toMatchObject({ parentSpanId: squares?.spanId, service: 'traced-mapper' });
    expect(files).toMatchObject({ parentSpanId: threaded?.spanId, service: 'traced-saver' });
    for (const span of [squares, threaded, files]) {
      expect(span?.attributes).toMatchObject({
        'messaging.system': 'nats',
        'messaging.operation.type': 'process',
        'leat.run': run,
        'leat.chunk': String(seq),
        'leat.attempt': 1,
        'leat.outcome': 'done',
      });
    }
    const seen = rows.filter(({ n }) => Math.floor(n / 10) === seq).map(({ seenBy }) => seenBy);
    expect(seen).toEqual(seen.map(() => [send?.traceId, send?.traceId]));
    expect(squares?.status.code).toBe(seq === 5 ? 2 : 0);
    expect(squares?.events).toMatchObject(
      seq === 5
        ? [{ 'exception.type': 'RangeError', 'exception.message': 'no square of 57 today' }]
        : [],
    );
  }
});

test('a chunk whose mapper is killed stays in its trace', async () => {
  await using collector = await OtlpCollector.open();
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  await using site = await Deployment.create('traced.ts', { env: { ...env, ...endpoint } });
  const run = await site.start({ count: COUNT, delayMs: 300 });
  site.service('fetcher');
  site.service('saver');
  const mapper = site.service('mapper');
  await until(
    'the mapper has worked on a chunk',
    () => collector.spans.some(({ name }) => name === 'process squares'),
    DEADLINE_MS,
  );
  mapper.kill('SIGKILL');
  site.service('mapper');
  await site.untilEnded();

  expect(await site.exported(run)).toHaveLength(COUNT);
  const sent = collector.spans.filter(({ name }) => name === 'send squares');
  expect(sent.map((span) => seqOf(span)).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: CHUNKS }, (_, seq) => seq),
  );
  const again = collector.spans.filter(
    ({ name, attributes }) => name === 'process squares' && Number(attributes['leat.attempt']) > 1,
  );
  expect(again.length).toBeGreaterThan(0);
  for (const span of again) {
    const send = sent.find((each) => seqOf(each) === seqOf(span));
    expect(span).toMatchObject({ traceId: send?.traceId, parentSpanId: send?.spanId });
    const saved = collector.spans.filter(
      ({ name, traceId }) => name === 'process files' && traceId === span.traceId,
    );
    expect(saved.length).toBeGreaterThan(0);
  }
});

test.each(['is away', 'does not answer'])(
  'a collector that %s costs a warning and the spans, and nothing else',
  async (what) => {
    await using silent = await OtlpCollector.open({ isSilent: true });
    const url = what === 'is away' ? `http://127.0.0.1:${await freePort()}` : silent.url;
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
    await using site = await Deployment.create('traced.ts', { env: { ...env, ...endpoint } });
    const run = await site.start({ count: COUNT });
    const services = [site.service('fetcher'), site.service('mapper'), site.service('saver')];
    await site.untilEnded();

    expect(await site.report(run)).toMatchObject({ state: 'completed' });
    for (const { stderr } of services) {
      expect(stderr().match(/spans are lost/g)).toHaveLength(1);
    }
  },
);
