import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { applySchema, DECODE, ENCODE } from './apply-schema.ts';

// It goes by a way of zod that is not for everybody. What this test finds, a new version of zod has changed.
const Dated = z.object({
  at: z.codec(z.iso.datetime(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  }),
  n: z.int().default(7),
  tags: z.array(z.string()).optional(),
});

const wire = fc.oneof(
  fc.record({
    at: fc.oneof(
      fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
        .map((date) => date.toISOString()),
      fc.string(),
    ),
    n: fc.oneof(fc.integer(), fc.string()),
    tags: fc.array(fc.oneof(fc.string(), fc.constant(1))),
    more: fc.integer(),
  }),
  fc.jsonValue(),
);

test('a schema is applied as safeParse and safeEncode apply it', () => {
  fc.assert(
    fc.property(wire, (given) => {
      const decoded = Dated.safeParse(given);
      const applied = applySchema(Dated, given, DECODE);
      expect(applied.issues).toHaveLength(decoded.error?.issues.length ?? 0);
      if (!decoded.success) return;
      expect(applied.value).toEqual(decoded.data);
      const encoded = applySchema(Dated, decoded.data, ENCODE);
      expect(encoded.issues).toEqual([]);
      expect(encoded.value).toEqual(z.safeEncode(Dated, decoded.data).data);
    }),
  );
});

test('what a schema gives back that cannot be encoded has issues', () => {
  const wrong = { at: 'no date', n: 1 } as never;
  expect(z.safeEncode(Dated, wrong).success).toBe(false);
  expect(applySchema(Dated, wrong, ENCODE).issues).not.toEqual([]);
});

const late = z.codec(z.string(), z.number(), {
  decode: async (text) => Number(text),
  encode: async (n) => String(n),
});
const lateEncode = z.codec(z.string(), z.number(), {
  decode: Number,
  encode: async (n) => String(n),
});

test.each<[string, z.ZodType, unknown, typeof DECODE | typeof ENCODE]>([
  ['a check', z.string().refine(async () => true), 'a', DECODE],
  [
    'a check in an object',
    z.object({ a: z.string().refine(async () => true) }),
    { a: 'a' },
    DECODE,
  ],
  ['a codec', late, '1', DECODE],
  ['a codec in an object', z.object({ a: late }), { a: '1' }, DECODE],
  ['a codec that is optional', z.object({ a: late.optional() }), { a: '1' }, DECODE],
  ['a codec in a list', z.array(late), ['1'], DECODE],
  ['a codec in a record', z.record(z.string(), late), { a: '1' }, DECODE],
  ['a codec in a tuple', z.tuple([late]), ['1'], DECODE],
  ['a codec in a union', z.union([z.boolean(), late]), '1', DECODE],
  [
    'a codec deep below',
    z.object({ a: z.array(z.object({ b: late })) }),
    { a: [{ b: '1' }] },
    DECODE,
  ],
  ['a codec that writes', z.object({ a: lateEncode }), { a: 1 }, ENCODE],
  ['a codec that writes in a list', z.array(lateEncode), [1], ENCODE],
])('a schema that waits is refused, and says so: %s', (_, schema, value, to) => {
  expect(() => applySchema(schema, value, to)).toThrow(
    'it needs to wait for something, and a record is read and written at once',
  );
});

test('what a function of the schema throws is passed on', () => {
  const broken = z.codec(z.string(), z.number(), {
    decode: () => (undefined as unknown as { readonly of: number }).of,
    encode: String,
  });
  expect(() => applySchema(z.object({ a: broken }), { a: '1' }, DECODE)).toThrow("reading 'of'");
});
