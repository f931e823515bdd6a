import { expect, test } from 'vitest';
import { joinResults, type PartResult } from './join-results.ts';

const LIMITS = { chunkSize: 2, maxBytes: 1_000 };

function part(
  from: number,
  lines: readonly string[],
  more: Partial<PartResult['result']> = {},
): PartResult {
  const body = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
  const pieces =
    lines.length === 0
      ? []
      : [{ body, records: lines.length, origins: lines.map((_, i) => from + i) }];
  return { from, result: { pieces, expanded: 0, filtered: 0, dead: [], retries: 0, ...more } };
}

function dead(index: number): PartResult['result']['dead'][number] {
  return {
    index,
    position: 'line 1 of a',
    attempts: 1,
    error: { name: 'E', message: 'm' },
    record: '{}',
  };
}

test('joins the parts of a chunk as if it had been worked on whole', () => {
  const joined = joinResults(
    [
      part(0, ['1', '2'], { retries: 1 }),
      part(2, [], { dead: [dead(0)] }),
      part(3, ['4', '5'], { filtered: 1, dead: [dead(2)] }),
    ],
    LIMITS,
  );
  expect(joined).toMatchObject({ expanded: 0, filtered: 1, retries: 1 });
  expect(joined.dead.map(({ index }) => index)).toEqual([2, 5]);
  expect(joined.pieces).toHaveLength(1);
  expect(Buffer.from(joined.pieces[0]!.body).toString()).toBe('1\n2\n4\n5\n');
  expect(joined.pieces[0]!.origins).toEqual([0, 1, 3, 4]);
});

test('cuts an expansion as a whole, not part by part', () => {
  const joined = joinResults(
    [part(0, ['1', '2', '3'], { expanded: 2 }), part(1, ['4', '5', '6'], { expanded: 2 })],
    LIMITS,
  );
  expect(joined.pieces.map(({ records }) => records)).toEqual([2, 2, 2]);
});

test('nothing is left of a chunk of which every part is dead', () => {
  expect(joinResults([part(0, [], { dead: [dead(0)] })], LIMITS).pieces).toEqual([]);
});
