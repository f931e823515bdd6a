import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { InexactNumber, NUMBER_RULES, readJson } from './read-json.ts';

const TWEET =
  '{ "id" : 1608521604143693812 , "id_str":"1608521604143693812","at":[1.10,{"x":1e400}]}';

test('a number that JavaScript cannot hold is refused by the name of its field', () => {
  const messages = [TWEET, '[true,[1,9007199254740993]]', '1e400', `[${'9'.repeat(80)}]`].map(
    (text) => {
      try {
        return readJson(text, 'exact');
      } catch (error) {
        expect(error).toBeInstanceOf(InexactNumber);
        return (error as Error).message;
      }
    },
  );
  expect(messages).toEqual([
    'id is 1608521604143693812, which JavaScript holds as 1608521604143693800',
    '1.1 is 9007199254740993, which JavaScript holds as 9007199254740992',
    'it is 1e400, which JavaScript holds as Infinity',
    `0 is ${'9'.repeat(40)}…, which JavaScript holds as 1e+80`,
  ]);
});

test('or it is kept as text, and its neighbours are numbers', () => {
  expect(readJson(TWEET, 'text')).toEqual({
    id: '1608521604143693812',
    id_str: '1608521604143693812',
    at: [1.1, { x: '1e400' }],
  });
});

test('or it is a BigInt, if it is whole', () => {
  expect(readJson('{"a":-9007199254740993,"b":7}', 'bigint')).toEqual({
    a: -9007199254740993n,
    b: 7,
  });
  expect(() => readJson('[0.10000000000000001]', 'bigint')).toThrow('0 is 0.10000000000000001');
  expect(() => readJson('[1e400]', 'bigint')).toThrow('0 is 1e400');
});

test('or it is reported and rounded, where somebody asks for it', () => {
  const found: unknown[] = [];
  const line = '{"a":[9007199254740993,1.0],"b":{"c":1e400},"a":2}';
  const value = readJson(line, 'exact', (each) => found.push(each));
  expect(value).toEqual({ a: 2, b: { c: Number.POSITIVE_INFINITY } });
  expect(found).toEqual([
    { path: ['a', 0], token: '9007199254740993' },
    { path: ['b', 'c'], token: '1e400' },
  ]);
  found.length = 0;
  const bigs = readJson('[9007199254740993,1e400]', 'bigint', (each) => found.push(each));
  expect(bigs).toEqual([9007199254740993n, Number.POSITIVE_INFINITY]);
  expect(found).toEqual([{ path: [1], token: '1e400' }]);
});

test('or it is rounded', () => {
  expect(readJson('[9007199254740993]', 'lossy')).toEqual([9007199254740992]);
});

test('what is not JSON is refused as JSON.parse does it', () => {
  for (const text of ['{', '"a', '[9007199254740993', '{"a":01}', '', '"\\']) {
    for (const rule of NUMBER_RULES) expect(() => readJson(text, rule)).toThrow(SyntaxError);
  }
});

test('everything else is read as JSON.parse reads it', () => {
  const big = '9007199254740993';
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 1, '\t'), (text, space) => {
      const value: unknown = JSON.parse(text);
      const pretty = JSON.stringify(value, undefined, space);
      expect(readJson(pretty, 'exact')).toEqual(value);
      // The number makes it read with care.
      const careful = readJson(`[${big}, ${pretty} ]`, 'text') as unknown[];
      expect(careful).toEqual([big, value]);
      expect(JSON.stringify(careful[1])).toBe(JSON.stringify(value));
    }),
  );
  const odd = `{"__proto__":[],"a":1,"a":2,"10":1,"é\\"\\\\":"\\u0022","n":${big}}`;
  const rounded = JSON.stringify(JSON.parse(odd));
  expect(JSON.stringify(readJson(odd, 'text'))).toBe(
    rounded.replace('9007199254740992', `"${big}"`),
  );
});
