import type { SourceChunk } from '@leat/sdk';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksumOf, countsOf } from './send.ts';

const rejection = fc.record({
  offset: fc.nat(1_000),
  raw: fc.string(),
  reason: fc.string(),
});

const chunks: fc.Arbitrary<SourceChunk> = fc.record(
  {
    body: fc.uint8Array({ maxLength: 50 }),
    records: fc.nat(100),
    position: fc.record({
      source: fc.string(),
      unit: fc.constant<'line'>('line'),
      first: fc.nat(),
    }),
    nextCursor: fc.jsonValue(),
    rejected: fc.array(rejection, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['body', 'records', 'position', 'nextCursor'] },
) as fc.Arbitrary<SourceChunk>;

describe('checksumOf', () => {
  test('is 8 hexadecimal digits, of a chunk’s contents alone', () => {
    fc.assert(
      fc.property(chunks, chunks, (chunk, other) => {
        const sum = checksumOf(chunk);
        expect(sum).toMatch(/^[0-9a-f]{8}$/);
        const { body, rejected } = chunk;
        const same = { body: Uint8Array.from(body), ...(rejected && { rejected }) };
        const { rejected: _, ...elsewhere } = other;
        expect(checksumOf({ ...elsewhere, ...same })).toBe(sum);
      }),
    );
  });

  test('is another one where one byte is', () => {
    fc.assert(
      fc.property(chunks, fc.nat(), fc.integer({ min: 1, max: 255 }), (chunk, at, change) => {
        fc.pre(chunk.body.length > 0);
        const body = Uint8Array.from(chunk.body);
        const place = at % body.length;
        body[place] = (body[place] as number) ^ change;
        expect(checksumOf({ ...chunk, body })).not.toBe(checksumOf(chunk));
      }),
    );
  });

  test('is another one where other records are rejected, whatever is said of them', () => {
    const chunk: SourceChunk = {
      body: Buffer.from('{}\n'),
      records: 1,
      position: { source: 'a', unit: 'line', first: 1 },
      nextCursor: 1,
    };
    const rejected = [{ offset: 1, raw: 'half', reason: 'no JSON' }];
    const sums = [
      chunk,
      { ...chunk, rejected },
      { ...chunk, rejected: [{ offset: 2, raw: 'half', reason: 'no JSON' }] },
      { ...chunk, rejected: [{ offset: 1, raw: 'all', reason: 'no JSON' }] },
      { ...chunk, rejected: [...rejected, ...rejected] },
    ].map(checksumOf);
    expect(new Set(sums).size).toBe(sums.length);
    // A later version may say it in other words.
    const reworded = [{ offset: 1, raw: 'half', reason: 'no JSON at all' }];
    expect(checksumOf({ ...chunk, rejected: reworded })).toBe(checksumOf({ ...chunk, rejected }));
    expect(checksumOf({ ...chunk, rejected: [] })).toBe(checksumOf(chunk));
  });

  test('is CRC-32 of the body, so that another version gives the same', () => {
    const body = Buffer.from('123456789');
    expect(checksumOf({ body } as unknown as SourceChunk)).toBe('cbf43926');
    expect(checksumOf({ body: Buffer.alloc(0) } as unknown as SourceChunk)).toBe('00000000');
  });
});

describe('countsOf', () => {
  test('takes in what was rejected, as dead', () => {
    fc.assert(
      fc.property(chunks, (chunk) => {
        const dead = chunk.rejected?.length ?? 0;
        expect(countsOf(chunk)).toEqual({
          in: chunk.records + dead,
          expanded: 0,
          filtered: 0,
          dead,
          retries: 0,
        });
      }),
    );
  });
});
