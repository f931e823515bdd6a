import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { whyNotJson } from './json.ts';

class Place {
  readonly name = 'Aachen';
}
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
])('JSON cannot hold it (%#)', (value, fault) => {
  expect(whyNotJson(value)).toBe(fault);
});

test('a value twice in one place is no circle, and a property that is undefined is absent', () => {
  const part = { n: 1 };
  expect(whyNotJson([part, { part, more: undefined }])).toBe(undefined);
  expect(whyNotJson(Object.assign(Object.create(null) as object, { a: null }))).toBe(undefined);
});

test('what has no fault is the same after JSON', () => {
  // JSON.stringify writes -0 as 0.
  const number = fc.double().map((n) => n + 0);
  const anything = fc.anything({
    values: [number, fc.string(), fc.boolean(), fc.constant(null), fc.constant(undefined)],
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      if (whyNotJson(value) === undefined) {
        expect(JSON.parse(JSON.stringify(value))).toEqual(value);
      }
    }),
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => whyNotJson(value) === undefined));
});
