import { expect, test } from 'vitest';
import { z } from 'zod';
import { oneWayPart } from './one-way.ts';

const toDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

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
  expect(oneWayPart(schema)).toBe(path);
});
