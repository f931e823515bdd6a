import type { SourceChunk } from '@leat/sdk';
import { expect, test } from 'vitest';
import { demandChunk } from './demand-chunk.ts';

const chunk = (other: object = {}): unknown => ({
  body: Buffer.from('{"n":1}\n{"n":2}\n'),
  records: 2,
  nextCursor: 2,
  position: { source: 'a', unit: 'record', first: 0 },
  ...other,
});

test.each<[string, unknown]>([
  ['it is null', null],
  ['it is undefined', undefined],
  ['it is 5', 5],
  ['its body', chunk({ body: undefined })],
  ['its body', chunk({ body: '{"n":1}\n' })],
  ['its body', chunk({ body: new Uint16Array([1]) })],
  ['its records', chunk({ records: undefined })],
  ['its records', chunk({ records: -1 })],
  ['its records', chunk({ records: 1.5 })],
  ['each ended by a line feed', chunk({ body: Buffer.from('{"n":1}\n{"n":2}') })],
  ['each ended by a line feed', chunk({ records: 0 })],
  ['each ended by a line feed', chunk({ body: Buffer.alloc(0) })],
  ['its body has 2 lines, and its records says 3', chunk({ records: 3 })],
  ['its body has 2 lines, and its records says 1', chunk({ records: 1 })],
  ['nextCursor', chunk({ nextCursor: undefined })],
  ['its position', chunk({ position: undefined })],
  ['its position', chunk({ position: null })],
  ['its position', chunk({ position: { source: 'a', unit: 'page', first: 0 } })],
  ['its position', chunk({ position: { source: 'a', unit: 'record', first: -1.5 } })],
  ['its rejected', chunk({ rejected: {} })],
  ['its rejected', chunk({ rejected: [null] })],
  ['its rejected', chunk({ rejected: [{ offset: 0, raw: 5, reason: 'r' }] })],
  ['its rejected', chunk({ rejected: [{ offset: 0, raw: 'x', reason: null }] })],
])('what is not a chunk fails the run, and it is said why: %s', (fault, given) => {
  expect(() => demandChunk(given)).toThrow(
    expect.objectContaining({
      code: 'source-damaged',
      message: expect.stringContaining(fault) as string,
    }),
  );
});

test.each<object>([
  {},
  { rejected: [{ offset: 2, raw: 'x', reason: 'y' }] },
  { body: new Uint8Array(0), records: 0, nextCursor: null },
])('what is a chunk is given as it is', (other) => {
  const given = chunk(other) as SourceChunk;
  expect(demandChunk(given)).toBe(given);
});
