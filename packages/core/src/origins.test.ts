import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatOrigins, parseOrigins } from './origins.ts';

/** What filters and one-to-many stages make of the offsets 0, 1, 2… */
const origins = fc
  .array(fc.oneof(fc.constant(1), fc.nat({ max: 3 })), { maxLength: 40 })
  .map((copies) => copies.flatMap((times, offset) => Array.from({ length: times }, () => offset)));

describe('formatOrigins and parseOrigins', () => {
  test('are inverse', () => {
    const anything = fc.array(fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 999_999_999 })));
    fc.assert(
      fc.property(fc.oneof(origins, anything), (list) => {
        const text = formatOrigins(list);
        const read = text === undefined ? list.map((_, n) => n) : parseOrigins(text, list.length);
        expect(read).toEqual(list);
      }),
    );
  });

  test.each([
    ['nothing', [], undefined],
    ['an untouched chunk', [0, 1, 2], undefined],
    ['the second half of a chunk', [50, 51, 52], '50-52'],
    ['a filtered chunk', [0, 2, 3, 7], '0,2-3,7'],
    ['a multiplied chunk', [0, 0, 0, 1, 2, 2], '0*3,1-2,2'],
    ['a record that stands alone', [7], '7'],
  ])('write %s in few letters', (_, list, text) => {
    expect(formatOrigins(list)).toBe(text);
  });

  test('give as many origins as there are records or none at all, and never throw', () => {
    const text = fc.oneof(fc.stringMatching(/^[0-9*,-]{0,12}$/), fc.string());
    fc.assert(
      fc.property(text, fc.nat({ max: 30 }), (wire, records) => {
        expect(parseOrigins(wire, records)?.length ?? records).toBe(records);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['', 0],
    ['0-2', 2],
    ['0-2', 4],
    ['2-0', 3],
    ['4*0', 1],
    ['0*999999999', 100],
    ['0-999999999', 100],
    ['0,', 2],
    ['a', 1],
    ['1234567890', 1],
  ])('refuse %j for %d records', (text, records) => {
    expect(parseOrigins(text, records)).toBeUndefined();
  });
});
