import type { ChunkLimits } from '@leat/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Job } from './job.ts';
import { KEPT, type Made } from './outcome.ts';
import { resultOf } from './results.ts';

function jobOf(records: number, limits: ChunkLimits, origins?: readonly number[], body = ''): Job {
  return {
    run: { id: 'r', pipeline: 'p', params: {} },
    limits,
    chunk: '0',
    body: Buffer.from(body),
    records,
    position: { source: 'a', unit: 'line', first: 10 },
    ...(origins && { origins }),
  };
}

const NONE = { retries: 0, recovered: 0 };

const outcomes: fc.Arbitrary<Made> = fc.oneof(
  fc.array(fc.constantFrom('1', '"é"', '{"a":1}'), { maxLength: 9 }),
  fc.constantFrom('1', '"é"', '{"a":1}'),
  fc.constant(KEPT),
  fc.constant({ error: new Error('bad'), attempts: 2 }),
);

test('every record is accounted for, in order, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(outcomes),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 40 }),
      (all, chunkSize, maxBytes) => {
        const arrived = all.map((_, n) => `"arrived ${n}" \n`).join('');
        const job = jobOf(all.length, { chunkSize, maxBytes }, undefined, arrived);
        const { pieces, expanded, filtered, dead } = resultOf(job, all, NONE);
        const linesOf = (each: Made, n: number): readonly string[] => {
          if (each === KEPT) return [`"arrived ${n}" `];
          if (typeof each === 'string') return [each];
          return 'error' in each ? [] : each;
        };
        const lines = all.flatMap(linesOf);
        const text = pieces.map(({ body }) => new TextDecoder().decode(body)).join('');
        expect(text.split('\n').slice(0, -1)).toEqual(lines);
        expect(all.length + expanded).toBe(lines.length + filtered + dead.length);
        const origins = all.flatMap((each, n) => linesOf(each, n).map(() => n));
        expect(pieces.flatMap((piece) => piece.origins)).toEqual(origins);
        for (const piece of pieces) {
          expect(piece.records).toBe(piece.origins.length);
          expect(piece.records).toBeGreaterThan(0);
        }
      },
    ),
  );
});

test('a chunk of which nothing was changed is not written anew', () => {
  const job = jobOf(2, { chunkSize: 1, maxBytes: 1 }, [4, 7], '1\n2\n');
  const { pieces } = resultOf(job, [KEPT, KEPT], NONE);
  expect(pieces).toEqual([{ body: job.body, records: 2, origins: [4, 7] }]);
  expect(pieces[0]?.body).toBe(job.body);
});

test('one record for one is never cut', () => {
  const all = Array.from({ length: 50 }, () => '"long enough"');
  const { pieces } = resultOf(jobOf(50, { chunkSize: 10, maxBytes: 20 }), all, NONE);
  expect(pieces).toHaveLength(1);
});

test('what is too long for a chunk is dead, and never what fits', () => {
  const text = fc.integer({ min: 1, max: 30 }).map((length) => 'x'.repeat(length));
  const any = fc.oneof(text, fc.array(text, { maxLength: 5 }), fc.constant(KEPT), outcomes);
  fc.assert(
    fc.property(fc.array(any), fc.integer({ min: 1, max: 60 }), (all, most) => {
      const arrived = all.map((_, n) => `"${n}"\n`).join('');
      const job = jobOf(all.length, { chunkSize: 3, maxBytes: 20 }, undefined, arrived);
      const { pieces, expanded, filtered, dead } = resultOf(job, all, NONE, most);
      const isWhole = all.length > 0 && all.every((each) => each === KEPT);
      const lengths = pieces.map(({ body, records }) => body.length - records);
      // An "é" has two bytes.
      if (!isWhole) expect(lengths.every((length) => length <= 2 * most)).toBe(true);
      const records = pieces.reduce((sum, piece) => sum + piece.records, 0);
      expect(all.length + expanded).toBe(records + filtered + dead.length);
      const unlimited = resultOf(job, all, NONE);
      const whole = unlimited.pieces.reduce((sum, { body }) => sum + body.length, 0);
      if (whole <= most) expect(dead).toEqual(unlimited.dead);
      const tooLong = dead.filter(({ error }) => error.name === 'ResultTooLong');
      expect(tooLong.length + unlimited.dead.length).toBe(dead.length);
    }),
  );
});

test('results beyond the longest text: those that fit go on, the others are dead with the reason', () => {
  const result = `"${'x'.repeat(6_000_000)}"`;
  const job = jobOf(100, { chunkSize: 100, maxBytes: 1e6 }, undefined, '1\n'.repeat(100));
  const { pieces, dead } = resultOf(job, Array<string>(100).fill(result), NONE);
  expect(pieces).toMatchObject([{ records: 22 }]);
  expect(dead).toHaveLength(78);
  expect(dead[0]).toMatchObject({
    index: 22,
    error: {
      name: 'ResultTooLong',
      message:
        'the results of its chunk have more than 134,217,728 characters together: give the fetcher a smaller chunkSize; tried again, it is a chunk of its own',
    },
  });
  const alone = resultOf(
    jobOf(2, job.limits, undefined, '1\n2\n'),
    ['2', [result.repeat(25), '3']],
    NONE,
  );
  expect(alone.pieces).toMatchObject([{ records: 1 }]);
  expect(alone.dead[0]?.error.message).toBe(
    'the result has 150,000,051 characters, and a chunk may have 134,217,728: make it shorter',
  );
});

test('an expansion beyond the longest text is cut into pieces', () => {
  const long = 'x'.repeat(60_000_000);
  const limits = { chunkSize: 100, maxBytes: 600e6 };
  const { pieces, dead } = resultOf(
    jobOf(6, limits, undefined, '1\n'.repeat(6)),
    Array.from({ length: 6 }, () => [long, '1']),
    NONE,
  );
  expect(pieces.map(({ records }) => records)).toEqual(Array<number>(12).fill(1));
  expect(dead).toEqual([]);
});

test('a dead record is told with its place in the dataset and what was thrown', () => {
  const thrown: Made[] = [
    { error: 'text', attempts: 1 },
    { error: new TypeError('bad'), attempts: 3 },
  ];
  const { dead } = resultOf(
    jobOf(2, { chunkSize: 1, maxBytes: 1 }, [4, 7], 'a\nb\n'),
    thrown,
    NONE,
  );
  expect(dead).toMatchObject([
    { index: 0, position: 'line 14 of a', error: { name: 'Thrown', message: 'text' }, record: 'a' },
    {
      index: 1,
      position: 'line 17 of a',
      error: { name: 'TypeError', message: 'bad' },
      attempts: 3,
    },
  ]);
});
