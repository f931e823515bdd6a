import { expect, test } from 'vitest';
import { paramsOf } from './flags.ts';

const given = (...param: string[]): Record<string, string> => paramsOf({ flags: { param } });

test('parameters are pairs, and a value may have any text', () => {
  expect(given('a=1', 'b=x=y', 'c=')).toEqual({ a: '1', b: 'x=y', c: '' });
});

test.each([
  [['a'], '--param must be key=value; it is "a".'],
  [['=1'], '--param must be key=value; it is "=1".'],
  [['a=1', 'b=2', 'a=3'], 'The parameter a is given twice: give it once.'],
  [['a=\uFFFD'], 'The parameter a is not UTF-8: give it in UTF-8, or by a file.'],
])('%j is refused', (param, message) => {
  expect(() => given(...param)).toThrow(message);
});
