import { expect, test } from 'vitest';
import { Deployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { OtlpCollector, type Span } from '../support/otlp-collector.ts';

const CHUNKS = 20;
const COUNT = CHUNKS * 10;
/** Of a fetcher whose run has completed with dead letters. */
const EXIT_DEAD_LETTERS = 3;

interface Row {
  readonly n: number;
  readonly square: number;
  readonly seenBy: readonly string[];
}

/** The chunk of the dataset that a span is about: `5`, and `5.1-2` for the second copy of it. */
const seqOf = ({ attributes }: Span): number => Number.parseInt(String(attributes['leat.chunk']));

test('a chunk is one trace over all processes, and the functions of the user are called in it', async () => {
  await using collector = await OtlpCollector.open();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  await using site = await Deployment.create('traced.ts', { env });
  const run = await site.start({ count: COUNT, failAt: 57 });
  const services = [site.service('fetcher'), ...site.services('mapper', 2), site.service('saver')];
  const ended = await Promise.all(services.map((service) => service.ended));
  expect(ended.map(({ code }) => code)).toEqual([EXIT_DEAD_LETTERS, 0, 0, 0]);

  const rows = await site.exported<Row>(run, 'files');
  expect(rows).toHaveLength(COUNT - 1);
  for (let seq = 0; seq < CHUNKS; seq++) {
    const [send, ...others] = collector.spans.filter(
      (span) => seqOf(span) === seq && span.name.startsWith('send '),
    );
    expect(others).toEqual([]);
    const spans = collector.spans.filter(({ traceId }) => traceId === send?.traceId);
    const [squares, threaded, files, raw] = ['squares', 'threaded', 'files', 'raw'].map((stage) =>
      spans.find(({ name }) => name === `process ${stage}`),
    );
    expect(spans).toHaveLength(5);
    expect(send).toMatchObject({ name: 'send squares,raw', service: 'traced-fetcher', kind: 4 });
    expect(send?.parentSpanId).toBeUndefined();
    expect(squares).toMatchObject({ parentSpanId: send?.spanId, service: 'traced-mapper' });
    expect(threaded).toMatchObject({ parentSpanId: squares?.spanId, service: 'traced-mapper' });
    expect(files).toMatchObject({ parentSpanId: threaded?.spanId, service: 'traced-saver' });
    expect(raw).toMatchObject({ parentSpanId: send?.spanId, service: 'traced-saver' });
    for (const span of [squares, threaded, files, raw]) {
      expect(span?.attributes).toMatchObject({
        'messaging.system': 'nats',
        'messaging.operation.type': 'process',
        'leat.run': run,
        'leat.chunk': `${seq}.${span === raw ? 1 : 0}-2`,
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
  // So that what it held comes to another soon.
  const env = { LEAT_ACK_WAIT_MS: '2000', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  await using site = await Deployment.create('traced.ts', { env });
  const run = await site.start({ count: COUNT, killAt: 57 });
  site.service('fetcher');
  site.service('saver');
  const killed = await site.service('mapper').ended;
  expect(killed.signal).toBe('SIGKILL');
  site.service('mapper');
  await site.untilEnded();

  expect(await site.exported(run, 'files')).toHaveLength(COUNT);
  const sent = collector.spans.filter(({ name }) => name.startsWith('send '));
  expect(sent.map((span) => seqOf(span)).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: CHUNKS }, (_, seq) => seq),
  );
  const again = collector.spans.filter(
    ({ name, attributes }) => name === 'process squares' && Number(attributes['leat.attempt']) > 1,
  );
  expect(again.map((span) => seqOf(span))).toContain(5);
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
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
    await using site = await Deployment.create('traced.ts', { env });
    const run = await site.start({ count: COUNT });
    const services = [site.service('fetcher'), site.service('mapper'), site.service('saver')];
    await site.untilEnded();

    expect(await site.report(run)).toMatchObject({ state: 'completed' });
    for (const { stderr } of services) {
      expect(stderr().match(/spans are lost/g)).toHaveLength(1);
    }
  },
);
