import { expect, test } from 'vitest';
import { z } from 'zod';
import { oneWayPart, unwritablePart } from './one-way.ts';

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
  expect(oneWayPart(schema)).toBe(path);
});

test.each([
  ['a date', z.object({ at: z.date().optional() }), 'the schema.at', 'date'],
  ['a date that is coerced', z.array(z.coerce.date()), 'the schema', 'date'],
  ['a map', z.object({ a: z.map(z.string(), z.string()) }), 'the schema.a', 'map'],
  ['a set', z.union([z.string(), z.set(z.string())]), 'the schema.1', 'set'],
  ['what is not a number', z.record(z.string(), z.nan()), 'the schema', 'nan'],
  ['a codec that writes one', z.codec(z.date(), z.string(), dateToText), 'the schema', 'date'],
])('JSON cannot hold %s', (_, schema, path, type) => {
  expect(unwritablePart(schema)).toEqual({ path, type });
});

test('what a codec reads a value as is not written', () => {
  expect(unwritablePart(z.object({ at: toDate, more: z.array(toDate) }))).toBeUndefined();
  expect(unwritablePart(z.lazy(() => z.date()))).toBeUndefined();
});
