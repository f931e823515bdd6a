import { expect, test } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';
import { notJsonPart, oneWayPart } from './schema-parts.ts';

const toDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

const dateToText = {
  decode: (date: Date) => date.toISOString(),
  encode: (text: string) => new Date(text),
};

test.each([
  ['plain parts', z.object({ a: z.string(), b: z.array(z.number().nullable().optional()) })],
  ['a codec', z.object({ at: toDate })],
  [
    'unions, records, refinements and coercion',
    z.record(z.string(), z.union([z.string().refine(() => true), z.coerce.number()])),
  ],
])('lets %s pass', (_, schema) => {
  expect(oneWayPart(schema)).toBeUndefined();
});

test.each([
  ['a transform', z.string().transform(Number), 'the schema'],
  [
    'a transform deep down',
    z.object({ a: z.array(z.object({ b: z.string().transform(Number) })) }),
    'the schema.a.b',
  ],
  ['a preprocess', z.object({ a: z.preprocess(String, z.string()) }), 'the schema.a'],
])('finds %s', (_, schema, path) => {
  expect(oneWayPart(schema)?.path).toBe(path);
});

test.each([
  ['a date', z.object({ at: z.date().optional() }), 'the schema.at', 'date'],
  ['a map', z.object({ a: z.map(z.string(), z.string()) }), 'the schema.a', 'map'],
  ['a set', z.union([z.string(), z.set(z.string())]), 'the schema.1', 'set'],
  ['what is not a number', z.record(z.string(), z.nan()), 'the schema', 'nan'],
  ['a big integer', z.tuple([z.int(), z.bigint()]), 'the schema.items.1', 'bigint'],
  ['a big integer of 64 bits', z.object({ id: z.int64() }), 'the schema.id', 'bigint'],
  ['a symbol', z.array(z.symbol()), 'the schema', 'symbol'],
  ['undefined', z.nullable(z.undefined()), 'the schema', 'undefined'],
  ['nothing', z.void(), 'the schema', 'void'],
  ['a file', z.looseObject({ image: z.file() }), 'the schema.image', 'file'],
  ['a function', z.object({ call: z.function() as never }), 'the schema.call', 'function'],
  ['a promise', z.promise(z.string()), 'the schema', 'promise'],
  ['a literal', z.object({ n: z.literal([1, 2n]) }), 'the schema.n', 'literal'],
  ['what is lazy', z.object({ at: z.lazy(() => z.date()) }), 'the schema.at', 'date'],
  ['a part of itself', nested(), 'the schema.children.at', 'date'],
  ['a codec that writes one', z.codec(z.date(), z.string(), dateToText), 'the schema', 'date'],
  [
    'a schema of another flavour',
    mini.object({ at: mini.date() }) as never,
    'the schema.at',
    'date',
  ],
])('JSON cannot hold %s', (_, schema, path, type) => {
  expect(notJsonPart(schema, ['date', 'bigint'])).toEqual({ path, type });
  expect(notJsonPart(schema, [])).toEqual({ path, type });
});

test.each([
  ['a date', z.object({ at: z.coerce.date() })],
  ['a big integer', z.object({ at: z.coerce.bigint() })],
])('text may be read as %s, and not written', (_, schema) => {
  expect(notJsonPart(schema, ['date', 'bigint'])).toBeUndefined();
  expect(notJsonPart(schema, [])?.path).toBe('the schema.at');
});

test.each([
  ['what a codec reads a value as', z.object({ at: toDate, more: z.array(toDate) })],
  ['what only the value shows', z.object({ a: z.any(), b: z.unknown(), c: z.instanceof(Date) })],
  ['what is not there yet', z.lazy(() => laterSchema())],
  ['plain JSON', z.object({ a: z.literal(['x', 1, null, true]), b: z.json() })],
])('%s passes', (_, schema) => {
  expect(notJsonPart(schema, [])).toBeUndefined();
});

/** A schema that is part of itself. */
function nested(): z.ZodType {
  return z.object({
    get children(): z.ZodType {
      return z.array(z.object({ at: z.date() }).partial());
    },
  });
}

function laterSchema(): z.ZodType {
  throw new ReferenceError('Cannot access a schema before its initialization');
}
