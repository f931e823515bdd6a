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

test('a schema that waits is refused', () => {
  expect(() =>
    applySchema(
      z.string().refine(async () => true),
      'a',
      DECODE,
    ),
  ).toThrow('Promise');
});
