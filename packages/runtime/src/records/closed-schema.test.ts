import { expect, test } from 'vitest';
import { z, type ZodType } from 'zod';
import { isClosed } from './closed-schema.ts';

interface Tree {
  readonly n: number;
  readonly below?: Tree[] | undefined;
}
const Tree: ZodType<Tree> = z.object({
  n: z.number(),
  below: z.lazy(() => z.array(Tree)).optional(),
});

test.each<[string, ZodType]>([
  [
    'an object of plain parts',
    z.object({
      a: z.string().min(1),
      b: z.int().optional(),
      c: z.boolean().nullable(),
      d: z.array(z.enum(['a', 'b'])),
      e: z.literal(['x', 1, null]),
      f: z.tuple([z.null()], z.number()),
      g: z.record(z.string(), z.union([z.string(), z.number()])),
      h: z.string().default('a').readonly(),
      i: z.iso.datetime(),
    }),
  ],
  ['a strict object', z.strictObject({ a: z.string() })],
  [
    'a codec, whatever its values are',
    z.codec(z.string(), z.date(), { decode: (a) => new Date(a), encode: (a) => a.toISOString() }),
  ],
  ['a schema within itself', Tree],
])('%s is closed', (_, schema) => {
  expect([isClosed(schema), isClosed(schema)]).toEqual([true, true]);
});

test.each<[string, ZodType]>([
  ['anything', z.any()],
  ['the unknown', z.unknown()],
  ['anything later', z.lazy(() => z.any())],
  ['custom', z.custom(() => true)],
  ['a loose object', z.looseObject({ a: z.string() })],
  ['a catchall', z.object({}).catchall(z.any())],
  ['a record of the unknown', z.object({ a: z.record(z.string(), z.unknown()) })],
  ['a hole in an array', z.array(z.string().optional())],
  ['nothing at all', z.string().optional()],
  ['a literal that is no JSON', z.literal([1n])],
  ['a literal that JSON has not', z.literal([Number.POSITIVE_INFINITY])],
  ['an enum of them', z.enum({ most: Number.POSITIVE_INFINITY })],
  ['a literal that is undefined', z.tuple([z.literal([undefined])])],
  ['a bigint', z.object({ a: z.bigint() })],
  ['a function that changes the value', z.number().overwrite(() => Number.NaN)],
  ['a check that is a function', z.object({ a: z.string() }).refine(() => true)],
])('%s is not closed', (_, schema) => {
  expect(isClosed(schema)).toBe(false);
});
