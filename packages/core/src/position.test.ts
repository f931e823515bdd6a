import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPosition, parsePosition, type Position } from './position.ts';

const position: fc.Arbitrary<Position> = fc.record({
  source: fc.string({ minLength: 1, unit: 'grapheme' }),
  unit: fc.constantFrom('line', 'row', 'element', 'record'),
  first: fc.nat({ max: 999_999_999_999_999 }),
});

describe('formatPosition and parsePosition', () => {
  test('are inverse', () => {
    fc.assert(
      fc.property(position, (one) => {
        expect(parsePosition(formatPosition(one))).toEqual(one);
      }),
    );
  });

  test('name a record by its offset in the chunk', () => {
    const first: Position = { source: 'cities of the world.ndjson', unit: 'line', first: 42 };
    expect(formatPosition(first)).toBe('line 42 of cities of the world.ndjson');
    expect(formatPosition(first, 3)).toBe('line 45 of cities of the world.ndjson');
  });

  test.each([
    '',
    'line',
    'line 1 of ',
    'page 1 of x',
    'line -1 of x',
    'line 1.5 of x',
    'line of x',
    ' line 1 of x',
  ])('refuse %j', (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });

  test('never throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parsePosition(text)?.source).not.toBe('');
      }),
    );
  });
});
