import type { ChunkLimits } from '@leat/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Job } from './job.ts';
import { KEPT, type Outcome } from './outcome.ts';
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

const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
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
        const { pieces, expanded, filtered, dead } = resultOf(job, all, 0);
        const linesOf = (each: Outcome, n: number): readonly string[] => {
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
  const { pieces } = resultOf(job, [KEPT, KEPT], 0);
  expect(pieces).toEqual([{ body: job.body, records: 2, origins: [4, 7] }]);
  expect(pieces[0]?.body).toBe(job.body);
});

test('one record for one is never cut', () => {
  const all = Array.from({ length: 50 }, () => '"long enough"');
  const { pieces } = resultOf(jobOf(50, { chunkSize: 10, maxBytes: 20 }), all, 0);
  expect(pieces).toHaveLength(1);
});

test('a dead record is told with its place in the dataset and what was thrown', () => {
  const thrown: Outcome[] = [
    { error: 'text', attempts: 1 },
    { error: new TypeError('bad'), attempts: 3 },
  ];
  const { dead } = resultOf(jobOf(2, { chunkSize: 1, maxBytes: 1 }, [4, 7], 'a\nb\n'), thrown, 0);
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
