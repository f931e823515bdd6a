import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Sink, Source } from '../contracts.ts';
import { fetcher } from './fetcher.ts';
import { mapper } from './mapper.ts';
import { saver } from './saver.ts';
import type { Fetcher } from './stages.ts';

function sourceOf<T>(): Source<T> {
  return { kind: 'test', chunks: async function* () {} };
}
function sinkOf<T>(): Sink<T> {
  return { kind: 'test', open: () => Promise.reject(new Error('not opened here')) };
}
function reading<S extends z.ZodType>(schema: S): Fetcher<S, undefined> {
  return fetcher('f', { source: sourceOf<never>(), schema });
}

const City = z.object({ name: z.string(), founded: dateCodec() });
const Zone = z.object({ zone: z.string() });
const cities = reading(City);

function dateCodec() {
  return z.codec(z.iso.date(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString().slice(0, 10),
  });
}

describe('the records of enrich', () => {
  const zones = mapper('zones', {
    from: cities,
    schema: Zone,
    enrich: (city) => {
      expectTypeOf(city).toEqualTypeOf<{ name: string; founded: Date }>();
      return { zone: city.name };
    },
  });

  test('have the fields of both, with the types of both', () => {
    expectTypeOf<z.output<typeof zones.schema>>().toEqualTypeOf<{
      name: string;
      founded: Date;
      zone: string;
    }>();
    expectTypeOf<z.input<typeof zones.schema>>().toEqualTypeOf<{
      name: string;
      founded: string;
      zone: string;
    }>();
    mapper('m', { from: zones, map: ({ founded, zone }) => founded.getTime() + zone.length });
    saver('s', { from: zones, sink: sinkOf<{ founded: string; zone: string }>() });
    // @ts-expect-error the sink wants other records
    saver('s', { from: zones, sink: sinkOf<{ zone: number }>() });
    // @ts-expect-error the result lacks the field
    mapper('m', { from: cities, schema: Zone, enrich: () => ({ zones: 'NA' }) });
    // @ts-expect-error there is no such field
    mapper('m', { from: cities, enrich: ({ town }) => ({ town }) });
    // @ts-expect-error two things to do
    const twice = () => mapper('m', { from: cities, enrich: () => ({}), map: () => ({}) });
    expect(twice).toThrow('it has map and enrich');
  });

  test('are read and written by the schemas of both', () => {
    const line = { name: 'Oulu', founded: '1605-04-08', zone: 'EU' };
    expect(zones.schema.parse({ ...line, more: 1 })).toEqual({
      ...line,
      founded: new Date('1605-04-08'),
    });
    expect(z.encode(zones.schema, zones.schema.parse(line))).toEqual(line);
    expect(zones.schema.safeParse({ ...line, zone: 1 }).success).toBe(false);
    expect(zones).toMatchObject({ isInferred: false, work: { type: 'enrich' } });
  });

  test('have the type of the function, if no schema says so', () => {
    const made = mapper('m', {
      from: cities,
      enrich: async ({ name }) => ({ length: name.length, founded: new Date(0) }),
    });
    expectTypeOf<z.output<typeof made.schema>>().toEqualTypeOf<{
      name: string;
      founded: Date;
      length: number;
    }>();
    expectTypeOf<z.input<typeof made.schema>>().toEqualTypeOf<{
      name: string;
      founded: string;
      length: number;
    }>();
    const line = { name: 'Oulu', founded: '1605-04-08', length: 4 };
    expect(made.schema.parse(line)).toEqual({ ...line, founded: new Date('1605-04-08') });
    const replaced = mapper('m', {
      from: cities,
      schema: z.object({ name: z.int().optional(), founded: z.string(), zone: z.int().optional() }),
      enrich: () => ({ founded: '' }),
    });
    expectTypeOf<z.output<typeof replaced.schema>>().toEqualTypeOf<{
      name: string | number;
      founded: string;
      zone?: number | undefined;
    }>();
    const perhaps = mapper('m', {
      from: cities,
      enrich: ({ name }) => (name === '' ? undefined : { length: name.length }),
    });
    expectTypeOf<z.output<typeof perhaps.schema>>().toEqualTypeOf<{
      name: string;
      founded: Date;
      length?: number;
    }>();
    expect(perhaps.schema.parse({ ...line, length: undefined })).toHaveProperty('founded');
  });

  test('may be anything else besides, where those before may', () => {
    const from = reading(z.any());
    const made = mapper('m', { from, schema: Zone, enrich: ({ name }) => ({ zone: name }) });
    expect(made.schema.parse({ a: 1, zone: 'x' })).toEqual({ a: 1, zone: 'x' });
    expectTypeOf<z.output<typeof made.schema>>().toMatchTypeOf<{ zone: string }>();
    const inferred = mapper('m', { from, enrich: () => ({ b: 1 }) });
    expectTypeOf<z.output<typeof inferred.schema>['b']>().toEqualTypeOf<number>();
    expect(inferred.schema.parse({ a: 1, b: 'x' })).toEqual({ a: 1, b: 'x' });
  });

  type Case = [
    what: string,
    from: z.ZodType,
    added: z.ZodType,
    line: unknown,
    fits: boolean | object,
  ];
  test.each<Case>([
    ['a field replaced', z.object({ a: z.string() }), z.object({ a: z.int() }), { a: 1 }, true],
    ['and not as it was', z.object({ a: z.string() }), z.object({ a: z.int() }), { a: 'x' }, false],
    [
      'one that may be',
      z.object({ a: z.string() }),
      z.object({ a: z.int().optional() }),
      { a: 'x' },
      true,
    ],
    ['a strict object', z.strictObject({ a: z.int() }), Zone, { a: 1, zone: 'x' }, true],
    ['that stays strict', z.strictObject({ a: z.int() }), Zone, { a: 1, zone: 'x', b: 1 }, false],
    ['a loose one', z.looseObject({}), Zone, { a: 1, zone: 'x' }, true],
    ['loose fields', z.object({}), z.looseObject({}), { a: 1 }, true],
    [
      'fields with a rest',
      z.object({}).catchall(z.int()),
      Zone.catchall(z.string()),
      { a: 1, b: 'x', zone: 'x' },
      true,
    ],
    [
      'of both',
      z.object({}).catchall(z.int()),
      Zone.catchall(z.string()),
      { b: true, zone: 'x' },
      false,
    ],
    [
      'a dictionary',
      z.record(z.string(), dateCodec()),
      Zone,
      { a: '2026-01-02', zone: 'x' },
      { a: new Date('2026-01-02'), zone: 'x' },
    ],
    [
      'checks, which hold already',
      z.object({ a: z.int() }).refine(() => false),
      Zone,
      { a: 1, zone: 'x' },
      true,
    ],
    ['what may be null', z.object({ a: z.int() }).nullable(), Zone, { a: 1, zone: 'x' }, true],
    ['null is nothing to add to', z.object({ a: z.int() }).nullable(), Zone, null, false],
    [
      'a default and a fallback',
      z.object({ a: z.int() }).default({ a: 1 }).catch({ a: 2 }).readonly(),
      Zone,
      { a: 1, zone: 'x' },
      true,
    ],
    [
      'one of several',
      z.union([z.string(), z.strictObject({ a: z.int() }), z.strictObject({ b: z.int() })]),
      Zone,
      { b: 1, zone: 'x' },
      true,
    ],
    [
      'none of several',
      z.union([z.strictObject({ a: z.int() }), z.strictObject({ b: z.int() })]),
      Zone,
      { a: 1, b: 1, zone: 'x' },
      false,
    ],
    [
      'kinds',
      z.discriminatedUnion('k', [
        z.object({ k: z.literal(1), a: dateCodec() }),
        z.object({ k: z.literal(2), a: z.string() }),
      ]),
      Zone,
      { k: 1, a: '2026-01-02', zone: 'x' },
      { k: 1, a: new Date('2026-01-02'), zone: 'x' },
    ],
    [
      'one of several added',
      z.object({ a: z.int() }),
      z.union([Zone, z.object({ error: z.string() })]),
      { a: 1, error: 'x' },
      true,
    ],
    [
      'nothing of them',
      z.object({ a: z.int() }),
      z.union([Zone, z.object({ error: z.string() })]),
      { a: 1 },
      false,
    ],
    [
      'both of two',
      z.intersection(z.object({ a: z.int(), b: z.int() }), z.object({ b: z.number().max(3) })),
      Zone,
      { a: 1, b: 3, zone: 'x' },
      true,
    ],
    [
      'not of one',
      z.intersection(z.object({ a: z.int(), b: z.int() }), z.object({ b: z.number().max(3) })),
      Zone,
      { a: 1, b: 4, zone: 'x' },
      false,
    ],
    [
      'what is defined later',
      z.lazy(() => z.object({ a: z.int() })),
      Zone,
      { a: 1, zone: 'x' },
      true,
    ],
    ['JSON', z.json(), Zone, { a: [1], zone: 'x' }, true],
  ])('are read as both say: %s', (_, schema, added, line, fits) => {
    const enrich = (): never => ({}) as never;
    const { schema: made } = mapper('m', { from: reading(schema), schema: added, enrich });
    const found = made.safeParse(line);
    expect(found.success).toBe(fits !== false);
    if (fits !== false) expect(found.data).toEqual(fits === true ? line : fits);
  });

  test.each([
    [
      z.string(),
      'enrich adds fields to objects, and the schema of the records that it reads is a z.string; use map instead',
    ],
    [z.array(City), 'the records that it reads is a z.array'],
    [
      z.union([
        City,
        z.codec(City, z.string(), {
          decode: ({ name }) => name,
          encode: () => ({ name: '', founded: new Date(0) }),
        }),
      ]),
      'a schema makes something else of them by a z.codec or z.pipe; use map instead',
    ],
    [
      z.codec(z.string(), City, {
        decode: () => ({ name: '', founded: '' }),
        encode: ({ name }) => name,
      }),
      'the records that it reads is a z.pipe',
    ],
  ])('are objects, or the stage is refused (%#)', (schema, sentence) => {
    const define = (): unknown =>
      mapper('m', { from: reading(schema as z.ZodType), enrich: () => ({}) });
    expect(define).toThrow(
      expect.objectContaining({
        code: 'invalid-pipeline',
        message: expect.stringContaining(sentence),
      }),
    );
  });

  test('so are the fields, and what keeps lines must be able to write them', () => {
    const schema = z.string() as unknown as typeof Zone;
    const define = (): unknown =>
      mapper('m', { from: cities, schema, enrich: () => ({ zone: '' }) });
    expect(define).toThrow(
      'the schema of enrich is that of the fields to add, a z.object; it is a z.string.',
    );
    const oneWay = reading(z.object({ at: z.string().transform((text) => text.length) }));
    expect(() => mapper('m', { from: oneWay, enrich: () => ({}) })).toThrow(
      'it keeps the records of the stage "f"',
    );
    const dated = z.object({ at: z.date() });
    expect(() =>
      mapper('m', { from: cities, schema: dated, enrich: () => ({ at: new Date() }) }),
    ).toThrow('the schema.at is a z.date');
  });
});
