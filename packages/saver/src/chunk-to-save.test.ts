import { type Delivery, StageTelemetry } from '@leat/runtime';
import { chunkDigest } from '@leat/sdk';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ChunkToSave } from './chunk-to-save.ts';

function deliveryOf(
  lines: readonly string[],
  origins?: readonly number[],
  buried?: readonly string[],
): Delivery {
  return {
    envelope: {
      run: 'r1',
      chunk: { seq: 7, path: '' },
      counts: { in: lines.length, expanded: 0, filtered: 0, dead: 0, retries: 0 },
      position: { source: 'a.ndjson', unit: 'line', first: 701 },
      ...(origins && { origins }),
      sending: '',
      ...(buried && { buried }),
    },
    id: '7',
    body: Buffer.from(lines.map((line) => `${line}\n`).join('')),
    deliveries: 1,
    telemetry: new StageTelemetry('out', {}).inHand(1),
    limitBlock: () => () => undefined,
    ack: () => undefined,
    giveBack: () => undefined,
    park: () => undefined,
    drop: () => undefined,
  };
}

test('passes the bytes on as they came', () => {
  const chunk = new ChunkToSave(deliveryOf(['{"n":1}', '{"n":2}']));
  const { body, receipt } = chunk.toSinkChunk(7);
  expect(Buffer.from(body).toString()).toBe('{"n":1}\n{"n":2}\n');
  expect(receipt).toMatchObject({ chunk: '7', fence: 7, buried: [] });
});

test('takes out lines that do not fit the schema, and names their place and line', () => {
  const chunk = new ChunkToSave(
    deliveryOf(['{"n":1}', 'oops', '{"n":"x"}', '{"n":4}'], [0, 1, 5, 6]),
  );
  const letters = chunk.validate({
    name: 'numbers',
    numbers: 'exact',
    schema: z.object({ n: z.number() }),
  });
  expect(letters).toMatchObject([
    { index: 1, position: 'line 702 of a.ndjson', record: 'oops' },
    { index: 2, position: 'line 706 of a.ndjson', record: '{"n":"x"}' },
  ]);
  const { body, receipt } = chunk.toSinkChunk(7);
  expect(Buffer.from(body).toString()).toBe('{"n":1}\n{"n":4}\n');
  expect(receipt.counts).toMatchObject({ in: 4, dead: 2 });
});

test('what the schema makes of a line takes its place; a line that it leaves alone stays as it is', () => {
  const lines = ['{ "n":1.0 }', '{"n":"2"}', 'oops', '{"n":4,"more":5}', '{"n":6}'];
  const chunk = new ChunkToSave(deliveryOf(lines));
  const schema = z.object({ n: z.coerce.number() });
  const letters = chunk.validate({ name: 'numbers', numbers: 'exact', schema });
  expect(letters).toMatchObject([{ index: 2, position: 'line 703 of a.ndjson', record: 'oops' }]);
  const { body, receipt } = chunk.toSinkChunk(7);
  expect(Buffer.from(body).toString()).toBe('{ "n":1.0 }\n{"n":2}\n{"n":4}\n{"n":6}\n');
  expect(receipt).toMatchObject({ counts: { in: 5, dead: 1 }, digest: chunkDigest('7', body) });
});

test('tells two rejected records of one origin apart, also after others were taken out', () => {
  const chunk = new ChunkToSave(
    deliveryOf(['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}'], [0, 0, 0, 1]),
  );
  const [first] = chunk.reject([{ chunk: '7', index: 1, reason: 'no' }]);
  const [second] = chunk.reject([{ chunk: '7', index: 1, reason: 'no' }]);
  expect([first?.index, second?.index]).toEqual([1, 2]);
  expect([first?.position, second?.position]).toEqual([
    'line 701 of a.ndjson',
    'line 701 of a.ndjson',
  ]);
  expect(Buffer.from(chunk.toSinkChunk(7).body).toString()).toBe('{"n":1}\n{"n":4}\n');
});

test('names the executions that buried its records: earlier ones, and its own if it did', () => {
  const chunk = new ChunkToSave(deliveryOf(['{"n":1}', '{"n":2}'], undefined, ['0000000a']));
  expect(chunk.toSinkChunk(7).receipt.buried).toEqual(['0000000a']);
  chunk.reject([{ chunk: '7', index: 1, reason: 'no' }]);
  chunk.reject([{ chunk: '7', index: 0, reason: 'no' }]);
  expect(chunk.execution).toMatch(/^[0-9a-f]{8}$/);
  expect(chunk.toSinkChunk(7).receipt.buried).toEqual(['0000000a', chunk.execution]);
});
