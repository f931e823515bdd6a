import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { pglite } from './pglite.ts';
import { postgres } from './postgres.ts';
import { columnsOf } from './sql-columns.ts';
import { checkSqlName } from './sql-name.ts';

/** Every place where a name comes in. */
const PLACES: Readonly<Record<string, (name: string) => unknown>> = {
  'the table of postgres': (table) => postgres({ table }),
  'the schema of postgres': (schema) => postgres({ table: 't', schema }),
  'the table of pglite': (table) => pglite({ dir: 'd', table }),
  'the schema of pglite': (schema) => pglite({ dir: 'd', table: 't', schema }),
  'a column': (name) => columnsOf(z.object({ [name]: z.string() })),
};

describe.each(Object.entries(PLACES))('%s', (_, use) => {
  test.each(['', 'a\0b', 'x'.repeat(64), 'ü'.repeat(32), '\uD800', 'x'.repeat(81)])(
    'is not %j',
    (name) => {
      expect(() => use(name)).toThrow(
        expect.objectContaining({
          code: 'sink-unfit',
          message: expect.stringContaining(`the name ${JSON.stringify(name)}: a name must have`),
        }),
      );
    },
  );

  test.each([
    'x',
    'x'.repeat(63),
    'ü'.repeat(31),
    'a "quoted" name',
    'Order',
    '😀',
    "it's; --",
    '%s',
  ])('may be %j', (name) => {
    expect(() => use(name)).not.toThrow();
  });

  test('is text', () => {
    if (_ === 'a column') return;
    expect(() => use(7 as never)).toThrow(/with the name 7:/);
  });
});

test.each([
  ['table', 'leat_receipts'],
  ['table', 'leat_fences'],
  ['column', '_run'],
] as const)('a %s is not %s, which is one of Leat itself', (kind, name) => {
  expect(() => checkSqlName(kind, name)).toThrow(/and not one of/);
});

test('a table must be named', () => {
  expect(() => postgres({ table: undefined as never })).toThrow(/with the name undefined:/);
});

test('a name is taken if and only if the database keeps it whole', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (name) => {
      const isKept =
        name !== '' && !name.includes('\0') && new TextEncoder().encode(name).length <= 63;
      let isTaken = true;
      try {
        checkSqlName('schema', name);
      } catch {
        isTaken = false;
      }
      expect(isTaken).toBe(isKept);
    }),
  );
});
