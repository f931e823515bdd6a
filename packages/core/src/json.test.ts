import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText } from './json.ts';

function faultOf(value: unknown): string | undefined {
  const written = jsonText(value);
  return 'fault' in written ? written.fault : undefined;
}

const refuse = (): never => {
  throw new Error('not even that');
};
const hidden = (name: string, value: unknown): object =>
  Object.defineProperty({ a: 1 }, name, { value });

class Place {
  readonly name = 'Aachen';
}
class Places extends Array<number> {}
let deep: unknown = 1;
for (let depth = 0; depth < 100_000; depth++) deep = [deep];
const circle: Record<string, unknown> = { n: 1 };
circle['self'] = { circle };

test.each([
  [undefined, 'it is undefined'],
  [Number.NaN, 'it is NaN'],
  [{ n: Number.NEGATIVE_INFINITY }, 'n is -Infinity'],
  [{ items: [1, undefined] }, 'items.1 is undefined'],
  // oxlint-disable-next-line no-sparse-arrays -- a hole becomes null
  [[1, , 3], '1 is undefined'],
  [{ n: 1n }, 'n is a bigint'],
  [{ a: { b: [() => 1] } }, 'a.b.0 is a function'],
  [[Symbol('s')], '0 is a symbol'],
  [{ at: new Date(0) }, 'at is an instance of Date'],
  [new Map([['a', 1]]), 'it is an instance of Map'],
  [[new Set()], '0 is an instance of Set'],
  [new Place(), 'it is an instance of Place'],
  [new Uint8Array(2), 'it is an instance of Uint8Array'],
  [
    Object.create(Object.create(Object.create(null) as object) as object),
    'it is an instance of a class',
  ],
  [circle, 'self.circle is a part of itself'],
  [Places.of(1), 'it is an instance of Places'],
  [Object.create({ a: 1 }), 'it is an object that inherits from another'],
  [
    Object.create(Object.assign(Object.create(null) as object, { a: 1 })),
    'it is an instance of a class',
  ],
  [{ to: hidden('toJSON', () => undefined) }, 'to is an object with a toJSON method'],
  [[Object.assign([1], { toJSON: () => 2 })], '0 is an object with a toJSON method'],
  [
    new Proxy({ a: 1 }, { get: (_, key) => (key === 'toJSON' ? () => 2 : 1) }),
    'it is an object with a toJSON method',
  ],
  [{ a: hidden('b', 2) }, 'a is an object with hidden properties or symbols as keys'],
  [{ [Symbol('s')]: 1 }, 'it is an object with hidden properties or symbols as keys'],
  [Math, 'it is an object with hidden properties or symbols as keys'],
  [{ list: Object.assign([1], { more: 2 }) }, 'list is an array with properties of its own'],
  [
    Object.defineProperty({}, 'a', { get: refuse, enumerable: true }),
    'it cannot be read: not even that',
  ],
  [deep, 'it cannot be read: Maximum call stack size exceeded'],
])('JSON cannot hold it (%#)', (value, fault) => {
  expect(faultOf(value)).toBe(fault);
});

test.each<[unknown, string]>([
  [{ a: [true, false, null, 'x', 1.5, -0, 1e21] }, '{"a":[true,false,null,"x",1.5,0,1e+21]}'],
  ['"\\\n\u2028\ud800é', JSON.stringify('"\\\n\u2028\ud800é')],
  [{ 'a"b': {}, '': [] }, '{"a\\"b":{},"":[]}'],
  [JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
  [Object.assign(Object.create(null) as object, { a: null }), '{"a":null}'],
])('it is written (%#)', (value, text) => {
  expect(jsonText(value)).toEqual({ text });
});

test('a value twice in one place is no circle, and a property that is undefined is absent', () => {
  const part = { n: 1 };
  expect(jsonText([part, { part, more: undefined }])).toEqual({
    text: '[{"n":1},{"part":{"n":1}}]',
  });
});

test('what another context of the process has made is as good', () => {
  const { made, bad } = runInNewContext('({ made: { a: [1] }, bad: new Date(0) })') as {
    readonly made: object;
    readonly bad: object;
  };
  expect(jsonText(made)).toEqual({ text: '{"a":[1]}' });
  expect(jsonText(bad)).toEqual({ fault: 'it is an instance of Date' });
});

test('each part is read once: what is written is what was judged', () => {
  let reads = 0;
  const get = (): number => (++reads === 1 ? 1 : Number.NaN);
  expect(jsonText(Object.defineProperty({}, 'a', { get, enumerable: true }))).toEqual({
    text: '{"a":1}',
  });
});

test('what is written is what JSON.stringify writes, and the same when it is read', () => {
  // JSON.stringify writes -0 as 0.
  const number = fc.double().map((n) => n + 0);
  const text = fc.string({ unit: 'binary' });
  const anything = fc.anything({
    key: text,
    values: [number, text, fc.boolean(), fc.constant(null), fc.constant(undefined)],
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
    withNullPrototype: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      const written = jsonText(value);
      if ('fault' in written) return;
      expect(written.text).toBe(JSON.stringify(value));
      expect(JSON.parse(written.text)).toEqual(value);
    }),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(jsonText(value)).toEqual({ text: JSON.stringify(value) });
    }),
  );
});

test('a BigInt is a number where one may be written', () => {
  const value = { id: 9007199254740993n, more: [-1n] };
  expect(jsonText(value, 'bigints')).toEqual({ text: '{"id":9007199254740993,"more":[-1]}' });
  expect(jsonText(value)).toEqual({ fault: 'id is a bigint' });
});
