import {
  type ChunkId,
  childId,
  formatOrigins,
  type LeatError,
  NO_COUNTS,
  type PositionUnit,
  recordsOf,
} from '@leat/core';
import { headers } from '@nats-io/transport-node';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bodyNameOf,
  type Envelope,
  headerBytes,
  messageId,
  messageOf,
  readMessage,
  setBodyName,
} from './chunk-message.ts';

const bodyOf = (lines: number): Buffer => Buffer.alloc(2 * lines, '1\n');

const chunks: fc.Arbitrary<ChunkId> = fc
  .tuple(fc.nat(), fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 6, max: 9 })), { maxLength: 4 }))
  .map(([seq, steps]) =>
    steps.reduce((id, [place, siblings]) => childId(id, place, siblings), { seq, path: '' }),
  );

const origins = fc.array(fc.nat(200), { minLength: 1, maxLength: 40 });

const sources = fc.oneof(
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.constantFrom('Städte/東京 100%.csv', 'a\r\nb', '%41', '%', ' a ', '\u0000', 'é'.repeat(300)),
);

/** What a chunk in a branch carries for the join, short or long. */
const branches = fc
  .record({
    at: fc.nat(99),
    isLong: fc.boolean(),
    part: fc.option(fc.nat(20)),
    message: fc.string({ unit: 'binary' }),
  })
  .map(({ at, isLong, part, message }): Pick<Envelope, 'regions' | 'part' | 'failures'> => {
    const records = isLong ? 2_000 : 3;
    const gaps = Array.from({ length: records }, (_, n) => 2 * n);
    const error = { name: 'Error', message: isLong ? message.padEnd(10_000, 'é') : message };
    return {
      regions: [
        { at, records: 7 },
        { at: at + 4, records, origins: gaps },
      ],
      ...(part !== null && { part }),
      failures: [{ depth: 2, place: 1, stage: 'face', attempts: 3, error }],
    };
  });

const envelopes: fc.Arbitrary<Envelope> = fc
  .record({
    chunk: chunks,
    origins,
    source: sources,
    unit: fc.constantFrom<PositionUnit>('line', 'row', 'element', 'record'),
    first: fc.nat(),
    filtered: fc.nat(1_000),
    dead: fc.nat(1_000),
    retries: fc.nat(1_000),
    sending: fc.constantFrom('', '1.1', '12.20'),
    buried: fc.array(fc.stringMatching(/^[0-9a-f]{8}$/), { maxLength: 3 }),
    born: fc.option(fc.stringMatching(/^[0-9a-f]{13}$/)),
    checksum: fc.option(fc.stringMatching(/^[0-9a-f]{8}$/)),
    division: fc.option(fc.stringMatching(/^\.{0,3}[0-9a-f]{8}(\.[0-9a-f]{8})?$/)),
    branch: fc.option(branches),
  })
  .map(
    ({
      chunk,
      origins: offsets,
      source,
      unit,
      first,
      filtered,
      dead,
      retries,
      sending,
      buried,
      born,
      checksum,
      division,
      branch,
    }) => ({
      run: 'run-1',
      ...(born !== null && { born }),
      chunk,
      counts: {
        ...NO_COUNTS,
        in: filtered + dead,
        expanded: offsets.length,
        filtered,
        dead,
        retries,
      },
      position: { source, unit, first },
      ...(formatOrigins(offsets) !== undefined && { origins: offsets }),
      sending,
      ...(buried.length > 0 && { buried }),
      ...(checksum !== null && { source: checksum }),
      ...(division !== null && { division }),
      ...branch,
    }),
  );

const SIMPLE: Envelope = {
  run: 'run-1',
  chunk: { seq: 0, path: '' },
  counts: { ...NO_COUNTS, in: 20_000 },
  position: { source: 'a', unit: 'line', first: 1 },
  sending: '',
};

test('headers read back as what they were made of', () => {
  fc.assert(
    fc.property(envelopes, fc.option(fc.webPath({ size: 'small' })), (envelope, name) => {
      const body = bodyOf(recordsOf(envelope.counts));
      const { headers: written, data } = messageOf(envelope, body);
      const isLong = ['Leat-Regions', 'Leat-Failures'].some((key) =>
        written.get(key).startsWith('@'),
      );
      expect(data === body).toBe(!isLong);
      if (name !== null) setBodyName(written, name);
      for (const key of written.keys()) expect(written.get(key)).toMatch(/^[\u0020-\u007e]*$/);
      const read = readMessage('run-1', written, data);
      expect(read.envelope).toEqual(envelope);
      expect(Buffer.compare(read.body, body)).toBe(0);
      expect(bodyNameOf(written)).toBe(name === null || name === '' ? undefined : name);
    }),
  );
});

test('origins that are too long for headers stand in front of the body', () => {
  const gaps = Array.from({ length: 20_000 }, (_, n) => 2 * n);
  const { headers: written, data } = messageOf({ ...SIMPLE, origins: gaps }, bodyOf(20_000));
  expect(headerBytes(written)).toBeLessThan(1_000);
  const read = readMessage('run-1', written, data);
  expect(read.envelope.origins).toEqual(gaps);
  expect(Buffer.compare(read.body, bodyOf(20_000))).toBe(0);
  for (const length of ['@0', '@1', `@${data.length}`, '@999999999', '@x']) {
    written.set('Leat-Origins', length);
    expect(() => readMessage('run-1', written, data)).toThrow(/Leat-Origins|should hold/);
  }
});

test.each(['x y', '\u00e9', 'x'.repeat(101), '1+1'])('refuses the sending %j', (sending) => {
  const { headers: written, data } = messageOf({ ...SIMPLE, sending }, bodyOf(20_000));
  expect(() => readMessage('run-1', written, data)).toThrow('Leat-Sending');
});

test.each([
  ['Leat-Born', '00000000000b'],
  ['Leat-Born', '00000000000b12'],
  ['Leat-Born', '00000000000B1'],
  ['Leat-Born', 'run-1'],
  ['Leat-Born', '0000000000 b1'],
  ['Leat-Source', '0000000'],
  ['Leat-Source', '000000000'],
  ['Leat-Source', '0000000G'],
  ['Leat-Source', '-1'],
  ['Leat-Division', '0000000'],
  ['Leat-Division', '00000000,00000000'],
  ['Leat-Division', '.'.repeat(41)],
])('refuses a message whose %s is %j', (header, value) => {
  const { headers: written, data } = messageOf(SIMPLE, bodyOf(20_000));
  expect(readMessage('run-1', written, data).envelope).toEqual(SIMPLE);
  written.set(header, value);
  expect(() => readMessage('run-1', written, data)).toThrow(
    `has the header ${header} ${JSON.stringify(value)}`,
  );
});

test('a message id tells runs, chunks and sendings apart', () => {
  const envelope = fc.sample(envelopes, { numRuns: 1, seed: 1 })[0] as Envelope;
  const ids = [
    { ...envelope, sending: '' },
    { ...envelope, sending: '2.1' },
    { ...envelope, sending: '', run: 'run-2' },
    { ...envelope, sending: '', chunk: childId(envelope.chunk, 1, 2) },
  ].map(messageId);
  expect(new Set(ids).size).toBe(4);
});

test('whatever stands in the headers is read or refused, never anything else', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.constantFrom('0', '1/0/0/0/0', 'line 1 of a', '0*999999999', '12345678'),
  );
  const any = fc.dictionary(
    fc.constantFrom(
      'Leat-Chunk',
      'Leat-Counts',
      'Leat-Position',
      'Leat-Origins',
      'Leat-Sending',
      'Leat-Buried',
      'Leat-Born',
      'Leat-Source',
      'Leat-Division',
    ),
    texts,
  );
  fc.assert(
    fc.property(any, fc.nat(3), (fields, lines) => {
      const found = headers();
      for (const [name, value] of Object.entries(fields)) {
        found.set(name, value.replaceAll(/[\r\n]/g, ''));
      }
      let outcome: unknown;
      try {
        outcome = recordsOf(readMessage('run-1', found, bodyOf(lines)).envelope.counts);
      } catch (error) {
        outcome = (error as LeatError).code;
      }
      expect([lines, 'invalid-message']).toContain(outcome);
    }),
  );
});

test('books that promise more than the body holds are refused before anything is made of them', () => {
  const found = headers();
  found.set('Leat-Chunk', '0');
  found.set('Leat-Counts', '999999999/0/0/0/0');
  found.set('Leat-Position', 'line 1 of a');
  found.set('Leat-Origins', '0*999999999');
  const startedAt = performance.now();
  expect(() => readMessage('run-1', found, bodyOf(1))).toThrow(
    'Chunk 0 should hold 999999999 records and holds 1.',
  );
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test('a message without headers is refused', () => {
  expect(() => readMessage('run-1', undefined, bodyOf(0))).toThrow('Leat-Chunk ""');
});
