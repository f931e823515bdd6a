import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isExactNumber, mayHaveInexactNumbers } from './exact-number.ts';

test.each(
  (
    '0 -0 0.000 0e999999999999 1 1.0 1.10 1e2 1E+2 100e-2 -12.50 9007199254740992 9007199254740994 1e22 ' +
    '100000000000000000000 5e-324 0.1 0.30000000000000004 123456789012345.67 1.7976931348623157e308'
  ).split(' '),
)('JavaScript holds %s', (token) => {
  expect(isExactNumber(token)).toBe(true);
});

test.each(
  (
    '9007199254740993 -9007199254740993 1608521604143693812 18446744073709551615 123456789012345.678 ' +
    '0.1000000000000000055511151231257827 0.10000000000000001 1e400 -1e400 1e-400 4e-324 ' +
    '1.7976931348623159e308 1.0000000000000001'
  ).split(' '),
)('JavaScript does not hold %s', (token) => {
  expect(isExactNumber(token)).toBe(false);
  expect(mayHaveInexactNumbers(Buffer.from(`{"n":${token}}`))).toBe(true);
  expect(mayHaveInexactNumbers(Buffer.from(token))).toBe(true);
});

test.each([
  '{"id":42,"at":"2026-01-01T00:00:00.000Z","note":"see e12, 1e5 and 1e-12","price":1234567.89}',
  '{"phone":"+376 123 456","n":999999999999999,"f":0.1234567890123}',
  'be300 the300 +100 -200 e100',
  '',
])('nothing is to be seen in %s', (text) => {
  expect(mayHaveInexactNumbers(Buffer.from(text))).toBe(false);
});

const digitsUpTo = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.nat(9), { minLength: 1, maxLength }).map((all) => all.join(''));
/** Numbers as JSON may write them, of any length. */
const numberText: fc.Arbitrary<string> = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: fc.oneof(
      fc.constant('0'),
      digitsUpTo(20).map((text) => text.replace(/^0+(?=.)/, '')),
    ),
    fraction: fc.option(digitsUpTo(20), { nil: '' }),
    exponent: fc.option(
      fc
        .tuple(fc.constantFrom('e', 'E', 'e+', 'E-', 'e-'), digitsUpTo(4))
        .map((parts) => parts.join('')),
      { nil: '' },
    ),
  })
  .map(({ sign, whole, fraction, exponent }) => {
    return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}${exponent}`;
  });

/** By the definition, in whole numbers of any size. */
function isEqual(one: string, other: string): boolean {
  const parts = [one, other].map((text) => {
    const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    return { digits: BigInt(whole + fraction || 0), exponent: Number(exponent) - fraction.length };
  });
  const least = Math.min(...parts.map(({ exponent }) => exponent));
  const [a, b] = parts.map(({ digits, exponent }) => digits * 10n ** BigInt(exponent - least));
  return a === b;
}

test('a number is exact if what JavaScript writes for it is equal, and what is not is never overlooked', () => {
  fc.assert(
    fc.property(numberText, fc.string(), (token, text) => {
      const held = String(Number(token));
      const isExact = /\d/.test(held) && isEqual(token.replace(/^-(?=0*$)/, ''), held);
      expect(isExactNumber(token)).toBe(isExact || /^-?[0.]+(?:e.*)?$/i.test(token));
      const body = Buffer.from(`{${JSON.stringify(text)}:[${token}]}\n`);
      if (!isExactNumber(token)) expect(mayHaveInexactNumbers(body)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('every double is exact in the way that JavaScript writes it', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      expect(isExactNumber(String(number))).toBe(true);
      expect(isExactNumber(number.toExponential())).toBe(true);
    }),
  );
});

test('a long number takes no long time', () => {
  const zeros = '0'.repeat(300_000);
  expect(isExactNumber(`1.${zeros}1${zeros}`)).toBe(false);
  expect(isExactNumber(`0.${zeros}`)).toBe(true);
});
