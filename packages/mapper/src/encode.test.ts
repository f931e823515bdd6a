import { fetcher, mapper, type Mapper } from '@leat/sdk';
import { describe, expect, test } from 'vitest';
import { z, type ZodType } from 'zod';
import { encodeResult, encodeResults } from './encode.ts';
import { KEPT } from './outcome.ts';

const numbers = fetcher('numbers', {
  source: { kind: 'none', chunks: async function* () {} },
  schema: z.unknown(),
});

function stageOf(type: 'map' | 'flatMap' | 'mapChunk', schema: ZodType = z.unknown()): Mapper {
  return mapper('m', { from: numbers, schema, [type]: () => undefined } as never);
}

test('one line for map, a line for each result otherwise', () => {
  expect(encodeResult(stageOf('map'), [1, 2])).toBe('[1,2]');
  expect(encodeResult(stageOf('flatMap'), new Set([1, 'a\n']))).toEqual(['1', String.raw`"a\n"`]);
  expect(encodeResult(stageOf('flatMap'), [])).toEqual([]);
  expect(encodeResults(stageOf('mapChunk'), [1, 2], 2)).toEqual(['1', '2']);
});

test('a filter keeps a record, or there is no line', () => {
  const large = mapper('large', { from: numbers, filter: () => true });
  expect(encodeResult(large, true)).toBe(KEPT);
  expect(encodeResult(large, false)).toEqual([]);
  expect(() => encodeResult(large, 1)).toThrow(
    'filter must return true or false; it returned number',
  );
});

const INNER = '{"n":1,"in":{"__proto__":{"admin":true}}}';
const OUTER = '{"n":1,"__proto__":{"admin":true}}';

test.each<[string, ZodType, string]>([
  ['z.record', z.record(z.string(), z.any()), OUTER],
  ['z.looseObject', z.looseObject({ n: z.int() }), OUTER],
  ['z.record in z.object', z.looseObject({ n: z.int(), in: z.record(z.string(), z.any()) }), INNER],
])('a key __proto__ is not lost in silence: %s', (_, schema, text) => {
  const of = (result: unknown): unknown => encodeResult(stageOf('map', schema), result);
  expect(() => of(JSON.parse(text))).toThrow('the result has a key __proto__');
  const circle: Record<string, unknown> = { n: 1, in: {} };
  circle['self'] = circle;
  expect(() => of(circle)).toThrow('self is a part of itself');
  expect(of({ n: 1, in: { b: 2 } })).toBe('{"n":1,"in":{"b":2}}');
});

test.each<[string, ZodType, string]>([
  ['no schema looks', z.unknown(), INNER],
  ['a schema takes anything below', z.looseObject({ n: z.int(), in: z.any() }), INNER],
  ['any value of a record', z.record(z.string(), z.any()), INNER],
])('and stays where %s', (_, schema, text) => {
  expect(encodeResult(stageOf('map', schema), JSON.parse(text))).toBe(text);
});

test('and goes, as all others do, where the schema names the keys', () => {
  const named = stageOf('map', z.object({ n: z.int() }));
  expect(encodeResult(named, JSON.parse(OUTER))).toBe('{"n":1}');
});

describe('what enrich adds', () => {
  const zone = z.object({ zone: z.string(), at: z.string().optional() });
  const line = '{ "n":1.0 }';

  test('is written behind the line, as its schema says', () => {
    const stage = mapper('m', { from: numbers, schema: zone, enrich: () => ({ zone: 'NA' }) });
    const of = (result: unknown): unknown => encodeResult(stage, result, line);
    expect(of({ zone: 'NA' })).toBe('{ "n":1.0 ,"zone":"NA"}');
    expect(of({ zone: 'NA', at: undefined, more: 1 })).toBe('{ "n":1.0 ,"zone":"NA"}');
    expect(() => of({ zone: 1 })).toThrow('the result does not fit the schema: zone');
    expect(() => of(undefined)).toThrow('the result does not fit the schema: zone');
  });

  test('or is nothing, and then the record is kept', () => {
    const schema = zone.partial();
    const stage = mapper('m', { from: numbers, schema, enrich: () => ({}) });
    const inferred = mapper('m', { from: numbers, enrich: () => undefined });
    for (const each of [stage, inferred]) {
      for (const result of [undefined, {}, { zone: undefined }]) {
        expect(encodeResult(each, result, line)).toBe(KEPT);
      }
    }
  });

  test('must be an object', () => {
    const stages = [
      mapper('m', { from: numbers, schema: zone, enrich: () => ({ zone: 'NA' }) }),
      mapper('m', { from: numbers, enrich: () => ({}) }),
    ];
    for (const stage of stages) {
      for (const [result, kind] of [
        [null, 'null'],
        [[], 'an array'],
        ['NA', 'string'],
      ]) {
        expect(() => encodeResult(stage, result, line)).toThrow(
          `enrich must return an object with the fields to add; it returned ${kind}`,
        );
      }
    }
  });

  test('must be JSON if nobody says how it is written, and fields that are there keep their schema', () => {
    const Dated = z.object({
      n: z.int(),
      at: z.codec(z.iso.date(), z.date(), {
        decode: (text) => new Date(text),
        encode: (date) => date.toISOString().slice(0, 10),
      }),
    });
    const dated = fetcher('dated', {
      source: { kind: 'none', chunks: async function* () {} },
      schema: Dated,
    });
    const stage = mapper('m', { from: dated, enrich: () => ({}) });
    const of = (result: unknown): unknown =>
      encodeResult(stage, result, '{"at":"2026-01-02","n":1}');
    expect(of({ at: new Date(0), zone: 'NA' })).toBe('{"at":"1970-01-01","n":1,"zone":"NA"}');
    expect(of({ n: undefined, zone: [1] })).toBe('{"at":"2026-01-02","n":1,"zone":[1]}');
    expect(() => of({ n: 'x' })).toThrow('the result does not fit the schema: n');
    expect(() => of({ zone: new Date(0) })).toThrow(
      'the result is not JSON: zone is an instance of Date; give the stage a schema',
    );
    expect(() => of({ zone: 1n })).toThrow('zone is a bigint');
    const big = mapper('m', { from: dated, numbers: 'bigint', enrich: () => ({}) });
    expect(encodeResult(big, { zone: 2n ** 64n }, '{}')).toBe('{"zone":18446744073709551616}');
  });

  test('is judged where no schema names it, also beside a field that one names', () => {
    const from = mapper('dated', {
      from: numbers,
      schema: z.object({ name: z.string() }),
      map: () => ({ name: '' }),
    });
    const stage = mapper('m', { from, enrich: () => ({}) });
    const of = (result: unknown): unknown => encodeResult(stage, result, '{"name":"a"}');
    class Place {
      name = 'new';
      get zone(): string {
        return 'Z';
      }
    }
    expect(() => of(new Place())).toThrow('it is an instance of Place');
    expect(() => of({ name: 'b', [Symbol('s')]: 1 })).toThrow('symbols');
    expect(() => of(Object.defineProperty({ name: 'b' }, 'hidden', { value: 1 }))).toThrow(
      'hidden',
    );
    expect(of({ name: 'b', zone: 1 })).toBe('{"name":"b","zone":1}');
  });
});

describe('without a schema', () => {
  const plain = mapper('plain', { from: numbers, map: (record) => record });

  test('a result is written as it is', () => {
    expect(encodeResult(plain, { a: [1, null], b: undefined })).toBe('{"a":[1,null]}');
  });

  test.each<[unknown, string]>([
    [{ at: [new Date(0)] }, 'at.0 is an instance of Date'],
    [[1, undefined], '1 is undefined'],
    [Number.NaN, 'it is NaN'],
    [undefined, 'it is undefined'],
  ])('what JSON cannot hold exactly is refused (%#)', (result, fault) => {
    expect(() => encodeResult(plain, result)).toThrow(
      expect.objectContaining({
        name: 'InvalidResult',
        message: `the result is not JSON: ${fault}; give the stage a schema that says how it is written`,
      }),
    );
  });
});

const circle: Record<string, unknown> = {};
circle['self'] = circle;

test.each<[string, ZodType, unknown, string]>([
  ['any', z.any(), Number.NaN, 'it is NaN'],
  ['unknown', z.object({ a: z.unknown() }), { a: new Map() }, 'a is an instance of Map'],
  ['lazy', z.lazy(() => z.any()), [undefined], '0 is undefined'],
  // oxlint-disable-next-line no-sparse-arrays -- a hole becomes null
  ['custom', z.custom(() => true), [1, , 3], '1 is undefined'],
  ['loose', z.looseObject({}), { at: new Date(0) }, 'at is an instance of Date'],
  ['record', z.record(z.string(), z.unknown()), { n: 1n }, 'n is a bigint'],
  ['catchall', z.object({}).catchall(z.any()), { a: new Set() }, 'a is an instance of Set'],
  ['a cycle', z.any(), circle, 'self is a part of itself'],
  ['a promise', z.any(), [Promise.resolve(1)], '0 is an instance of Promise'],
  ['an error', z.any(), { e: new TypeError('a') }, 'e is an instance of TypeError'],
])('what a permissive schema lets through must be JSON (%s)', (_, schema, result, fault) => {
  expect(() => encodeResult(stageOf('map', schema), result)).toThrow(
    expect.objectContaining({
      name: 'InvalidResult',
      message: `the result is not JSON: ${fault}; let the schema say how it is written, with a z.codec`,
    }),
  );
});

test('codecs are encoded, and what a schema does not know is left out', () => {
  const at = z.codec(z.iso.datetime(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  });
  const result = { at: new Date(0), more: 1 };
  expect(encodeResult(stageOf('map', z.object({ at })), result)).toBe(
    '{"at":"1970-01-01T00:00:00.000Z"}',
  );
});

test.each<[string, Mapper, unknown, string]>([
  ['another type', stageOf('map', z.number()), 'a', 'the result does not fit the schema: Invalid'],
  ['nothing', stageOf('map'), undefined, 'the result is not JSON: it is undefined'],
  ['a function', stageOf('map'), () => 1, 'the result is not JSON: it is a function'],
  [
    'null for a list',
    stageOf('flatMap'),
    null,
    'flatMap must return an array or another iterable; it returned null',
  ],
  [
    'text for a list',
    stageOf('mapChunk'),
    'ab',
    'mapChunk must return an array or another iterable; it returned string',
  ],
  ['too few', stageOf('mapChunk'), [1], 'a result for each of its 2 records; it returned 1'],
])('%s is refused', (_, stage, result, message) => {
  const encode = (): unknown =>
    stage.work.type === 'mapChunk' ? encodeResults(stage, result, 2) : encodeResult(stage, result);
  expect(encode).toThrow(message);
});
