import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatReceipt,
  isSourceChecksum,
  parseReceipt,
  type Receipt,
  savedRecords,
} from './receipt.ts';

const complete = fc.record({
  chunk: fc.stringMatching(/^[1-9]\d{0,8}(\.[01]-[2-9]){0,3}$/),
  counts: fc.record({
    in: fc.nat({ max: 1e9 }),
    expanded: fc.nat({ max: 1e9 }),
    filtered: fc.constant(0),
    dead: fc.constant(0),
    retries: fc.nat({ max: 99 }),
  }),
  digest: fc.oneof(fc.constant(''), fc.stringMatching(/^[0-9a-f]{32}$/)),
  fence: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER)),
  buried: fc.array(fc.stringMatching(/^[0-9a-f]{8}$/), { maxLength: 3 }),
  source: fc.stringMatching(/^[0-9a-f]{8}$/),
  division: fc.stringMatching(/^([0-9a-f]{8})?(\.[0-9a-f]{8}|\.){0,3}$/),
});
const further = fc.array(fc.constantFrom('cut=7', 'a=', 'x-y=1=2', 'sources=8'), {
  minLength: 1,
  maxLength: 3,
});
const receipt: fc.Arbitrary<Receipt> = fc
  .tuple(complete, fc.boolean(), fc.boolean(), fc.option(further))
  .map(([{ source, division, ...rest }, isSourceTold, isDivisionTold, more]) => ({
    ...rest,
    ...(isSourceTold && { source }),
    ...(isDivisionTold && { division }),
    ...(more !== null && { further: more }),
  }));

describe('formatReceipt and parseReceipt', () => {
  test('are inverse', () => {
    fc.assert(
      fc.property(receipt, (one) => {
        expect(parseReceipt(formatReceipt(one))).toEqual(one);
      }),
    );
  });

  test('refuse what they cannot have made, and never throw', () => {
    const edited = fc
      .tuple(receipt, fc.nat(), fc.constantFrom('', '0', 'g', '/', ' ', '.', '-', ',', '\n', '='))
      .map(([one, at, insert]) => {
        const text = formatReceipt(one);
        const place = at % (text.length + 1);
        return text.slice(0, place) + insert + text.slice(place + (at % 2));
      });
    fc.assert(
      fc.property(fc.oneof(edited, fc.string()), (text) => {
        const one = parseReceipt(text);
        expect(one === undefined ? text : formatReceipt(one)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('refuse a receipt that was cut off anywhere before its fence', () => {
    const text = formatReceipt({
      chunk: '42.1-2',
      counts: { in: 100, expanded: 0, filtered: 0, dead: 0, retries: 0 },
      digest: 'a'.repeat(32),
      fence: 7,
      buried: [],
    });
    for (let end = 0; end < text.length; end++) {
      expect(parseReceipt(text.slice(0, end))).toBeUndefined();
    }
  });

  test.each([
    '',
    '1',
    '1 ',
    '1 1/0/0/0/0',
    '1 1/0/0/0/0 xyz 1',
    '1 1/0/0/0/0 ' + 'A'.repeat(32) + ' 1',
    '1 1/0/0/0/0  ',
    '1 1/0/0/0/0  -1',
    '1 1/0/0/0/0  01',
    '1 1/0/0/0/0  9007199254740992',
    '1 1/0/0/0/0  1 ',
    '1 1/0/0/0/0  1 xyz',
    '1 1/0/0/0/0  1 12345678 ',
    '1 1/0/0  1',
    'x 1/0/0/0/0  1',
    '1 1/0/0/0/0  1 source=',
    '1 1/0/0/0/0  1 source=1234567',
    '1 1/0/0/0/0  1 source=123456789',
    '1 1/0/0/0/0  1 source=1234567G',
    '1 1/0/0/0/0  1 source=12345678 ',
    '1 1/0/0/0/0  1 source=12345678 12345678',
    '1 1/0/0/0/0  1 source=12345678 source=12345678',
    '1 1/0/0/0/0  1 12345678 x source=12345678',
    '1 1/0/0/0/0 source=12345678',
    '1 1/0/0/0/0  1  source=12345678',
    '1 1/0/0/0/0  1 cut=7 source=12345678',
    '1 1/0/0/0/0  1 division=1234567',
    '1 1/0/0/0/0  1 division=12345678 division=12345678',
    '1 1/0/0/0/0  1 division=12345678 source=12345678',
    '1 1/0/0/0/0  1 cut=7 division=12345678',
    '1 1/0/0/0/0  1 cut=7 12345678',
    '1 1/0/0/0/0  1 cut=7 ',
    '1 1/0/0/0/0  1 =7',
    '1 1/0/0/0/0  1 CUT=7',
  ])('refuse %j', (line) => {
    expect(parseReceipt(line)).toBeUndefined();
  });
});

describe('isSourceChecksum', () => {
  test.each([
    ['00000000', true],
    ['deadbeef', true],
    ['', false],
    ['DEADBEEF', false],
    ['deadbee', false],
    ['deadbeef0', false],
    ['deadbeef\n', false],
  ])('of %j: %s', (text, isOne) => {
    expect(isSourceChecksum(text)).toBe(isOne);
  });
});

describe('savedRecords', () => {
  test('is what is left of a chunk', () => {
    const counts = { in: 100, expanded: 20, filtered: 15, dead: 5, retries: 7 };
    expect(savedRecords({ chunk: '1', counts, digest: '', fence: 0, buried: [] })).toBe(100);
  });
});
