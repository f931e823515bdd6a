import type { NumberRule } from '@leat/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Reading } from './reading.ts';
import { readRecords, textsOf } from './records.ts';
import { writeRecord } from './write-record.ts';

const Numbered = z.object({ n: z.number() });

const originOf = (schema: z.ZodType, numbers: NumberRule = 'exact') =>
  ({ name: 'numbers', schema, numbers }) as const;

function outcomes(body: Uint8Array | string, schema: z.ZodType = Numbered): string[] {
  return readRecords(Buffer.from(body), originOf(schema)).map((record) =>
    'invalid' in record ? record.invalid.message : JSON.stringify(record.value),
  );
}

test('each line is read for itself', () => {
  expect(outcomes('{"n":1}\n{"n":"2"}\n{\n{"n":4,"more":true}\n')).toEqual([
    '{"n":1}',
    'the record does not fit the schema: n: Invalid input: expected number, received string',
    expect.stringMatching(/^the line is not JSON: /),
    '{"n":4}',
  ]);
});

test('a line that is not UTF-8 spares its neighbours', () => {
  const body = Buffer.concat([
    Buffer.from('{"n":1}\n'),
    Buffer.from([0xff, 10]),
    Buffer.from('{"n":3}\n'),
  ]);
  expect(outcomes(body)).toEqual(['{"n":1}', 'the line is not valid UTF-8', '{"n":3}']);
});

test('a schema that cannot be applied is told as such', () => {
  const schema = z.any().refine(async () => true);
  expect(outcomes('1\n', schema)[0]).toMatch(/^the schema cannot be applied: /);
});

test('as many records as lines, whatever is in them', () => {
  const lines = fc.array(fc.uint8Array().map((bytes) => bytes.filter((byte) => byte !== 10)));
  fc.assert(
    fc.property(lines, (all) => {
      const body = Buffer.concat(all.flatMap((line) => [line, Buffer.from('\n')]));
      expect(readRecords(body, originOf(z.unknown()))).toHaveLength(all.length);
      expect(textsOf(body)).toEqual(all.map((line) => Buffer.from(line).toString()));
    }),
  );
});

const anyCase = z.string().overwrite((text) => text.toUpperCase());
const dated = z.codec(z.iso.datetime({ offset: true }), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

/** What a line becomes: a line, or a letter. */
function kept(
  line: string,
  schema: z.ZodType,
  reading: Reading,
  numbers: NumberRule = 'exact',
): { readonly line: string } | { readonly dead: string } {
  const origin = originOf(schema, numbers);
  const [record] = readRecords(Buffer.from(`${line}\n`), origin, reading);
  if (record === undefined || 'invalid' in record) return { dead: record?.invalid.message ?? '' };
  if (reading !== 'work') return { line: record.line ?? line };
  // A mapper that touches nothing.
  return { line: writeRecord(origin, record.value) };
}

describe('a record is what the schema makes of its line, whoever reads it first', () => {
  test.each<[string, z.ZodType, string, string]>([
    ['a key that it does not name', z.object({ a: z.int() }), '{"a":1,"b":2}', '{"a":1}'],
    ['one below', z.array(z.object({})), '[{},{"b":[]}]', '[{},{}]'],
    ['a loose object', z.looseObject({ a: z.int() }), '{"b":2,"a":1}', '{"a":1,"b":2}'],
    ['text for a number', z.object({ a: z.coerce.number() }), '{"a":"1e2"}', '{"a":100}'],
    ['text for a boolean', z.object({ at: z.coerce.boolean() }), '{"at":"false"}', '{"at":true}'],
    ['a default', z.object({ a: z.int().default(7) }), '{}', '{"a":7}'],
    ['a prefault', z.object({ a: z.string().trim().prefault(' x ') }), '{}', '{"a":"x"}'],
    ['a fallback', z.object({ a: z.int().catch(0) }), '{"a":"x"}', '{"a":0}'],
    ['a check that changes', z.object({ a: anyCase }), '{"a":"é"}', '{"a":"É"}'],
    [
      'a codec',
      z.object({ at: dated }),
      '{"at":"2026-01-02T01:00:00+01:00"}',
      '{"at":"2026-01-02T00:00:00.000Z"}',
    ],
    ['a key that comes twice', z.object({ a: z.int() }), '{"a":1,"a":2}', '{"a":2}'],
  ])('%s', (_, schema, line, result) => {
    const made = [
      kept(line, schema, 'work'),
      kept(line, schema, 'judge'),
      kept(line, schema, 'pass'),
    ];
    for (const each of made) {
      expect('line' in each ? JSON.parse(each.line) : each).toEqual(JSON.parse(result));
    }
  });

  test.each<[string, z.ZodType, string]>([
    [
      'space, order and the way of numbers',
      z.object({ a: z.number(), b: z.any() }),
      '{ "b": -0 , "a":1.0e0}',
    ],
    ['a codec that changes nothing', z.object({ at: dated }), '{"at" :"2026-01-02T00:00:00.000Z"}'],
    [
      'what may be absent',
      z.object({ a: z.int().optional(), b: z.int().nullish() }),
      '{ "b":null}',
    ],
    ['anything', z.any(), '[ 1.10 ,{"b":"\\u0041"}]'],
  ])('what it leaves alone stays as it is, byte for byte: %s', (_, schema, line) => {
    expect(kept(line, schema, 'judge')).toEqual({ line });
    expect(kept(line, schema, 'pass')).toEqual({ line });
  });

  test.each<Reading>(['work', 'judge', 'pass'])('a key __proto__ is refused (%s)', (reading) => {
    const dead = expect.stringContaining('the record has a key __proto__');
    const key = String.raw`\u005f_proto__`;
    for (const line of ['{"__proto__":1}', `[{"a":{"${key}":{}}}]`]) {
      for (const schema of [z.any(), z.looseObject({}), z.record(z.string(), z.any())]) {
        if (schema.safeParse(JSON.parse(line)).success) {
          expect(kept(line, schema, reading)).toEqual({ dead });
        }
      }
    }
    expect(kept(String.raw`{"a":"__proto__ \u001b"}`, z.any(), reading)).toHaveProperty('line');
  });

  test('what it makes and cannot write is a dead letter', () => {
    const odd = z.codec(z.string(), z.string(), { decode: (a) => `${a}!`, encode: (a) => `${a}?` });
    const dead = expect.stringMatching(/^the record cannot be written by its schema: /);
    const refusing = z.object({ a: odd.refine((a) => a.length < 3) });
    expect(kept('{"a":"x"}', refusing, 'pass')).toEqual({ line: '{"a":"x!?"}' });
    const never = z.codec(z.string(), z.int(), {
      decode: Number,
      encode: () => 1 as never,
    });
    expect(kept('{"a":"1"}', z.object({ a: never }), 'pass')).toEqual({ dead });
  });
});

describe('a line to which fields are added', () => {
  const read = (line: string, schema: z.ZodType, reading: Reading): unknown => {
    const [record] = readRecords(Buffer.from(`${line}\n`), originOf(schema), reading);
    return record !== undefined && 'invalid' in record ? record.invalid.message : record;
  };

  test('is what the schema makes of it, where nobody has read it before', () => {
    const schema = z.object({ n: z.number() });
    const value = { n: 1 };
    const same = '{ "n":1.0 }';
    expect(read(same, schema, 'first enrich')).toEqual({ value, text: same });
    const [line, made] = ['{"n":1,"more":2}', '{"n":1}'];
    expect(read(line, schema, 'first enrich')).toEqual({ value, line: made, text: made });
    expect(read(line, schema, 'enrich')).toEqual({ value, text: line });
  });

  test.each(['1', 'null', '"{}"', '[{}]', ' [] '])('must be an object, and %s is not', (line) => {
    for (const reading of ['first enrich', 'enrich'] as const) {
      expect(read(line, z.any(), reading)).toBe(
        'the record is not an object, and enrich can only add fields to one: use map instead',
      );
    }
  });
});

describe('a number that JavaScript cannot hold', () => {
  const big = '{"id":9007199254740993,"a":1.10}';
  const dead = {
    dead: 'the number id is 9007199254740993, which JavaScript holds as 9007199254740992: say by the option numbers of the stage numbers what is to become of it',
  };
  const Big = z.object({ id: z.coerce.bigint(), a: z.number() });
  const Text = z.object({ id: z.coerce.string(), a: z.number() });

  test.each<[Reading, z.ZodType, NumberRule, object]>([
    ['work', z.any(), 'exact', dead],
    ['judge', z.any(), 'exact', dead],
    ['pass', z.any(), 'exact', { line: big }],
    ['pass', z.object({ id: z.number() }), 'exact', dead],
    ['work', z.any(), 'lossy', { line: '{"id":9007199254740992,"a":1.1}' }],
    ['pass', z.object({ id: z.number() }), 'lossy', { line: '{"id":9007199254740992}' }],
    ['work', Big, 'bigint', { line: '{"id":9007199254740993,"a":1.1}' }],
    ['judge', Big, 'bigint', { line: big }],
    ['pass', Big, 'bigint', { line: big }],
    ['pass', z.any(), 'lossy', { line: '{"id":9007199254740992,"a":1.1}' }],
    ['judge', z.any(), 'lossy', { line: '{"id":9007199254740992,"a":1.1}' }],
    ['work', Text, 'text', { line: '{"id":"9007199254740993","a":1.1}' }],
    ['judge', Text, 'text', { line: '{"id":"9007199254740993","a":1.1}' }],
    ['pass', z.any(), 'text', { line: '{"id":"9007199254740993","a":1.1}' }],
  ])('is treated as the stage says (%s, %#)', (reading, schema, numbers, found) => {
    expect(kept(big, schema, reading, numbers)).toEqual(found);
  });

  test.each<[Reading, NumberRule, object]>([
    ['work', 'exact', dead],
    ['judge', 'exact', dead],
    ['pass', 'exact', dead],
    ['work', 'text', dead],
    ['pass', 'bigint', dead],
    ['work', 'lossy', { line: '{"id":9007199254740992,"a":[100,7]}' }],
    ['pass', 'lossy', { line: '{"id":9007199254740992,"a":[100,7]}' }],
  ])('is one also where a schema makes it of text (%s, %s)', (reading, numbers, found) => {
    const schema = z.object({ id: z.coerce.number(), a: z.array(z.coerce.number()) });
    const text = '{"id":" +9007199254740993","a":["1e2","0007"]}';
    expect(kept(text, schema, reading, numbers)).toEqual(found);
    const sound = '{"id":"9007199254740992","a":["16777216.0000000000"]}';
    const line = '{"id":9007199254740992,"a":[16777216]}';
    expect(kept(sound, schema, reading, numbers)).toEqual({ line });
  });

  test.each([
    ['0x20000000000001', false],
    ['0X20000000000001', false],
    ['0o400000000000000001', false],
    [`0b1${'0'.repeat(52)}1`, false],
    [' 0xfffffffffffffff1 ', false],
    ['.12345678901234567891', false],
    ['0x20000000000002', true],
    ['0x1fffffffffffff', true],
    ['0xffff', true],
    ['0o17', true],
    ['0b11', true],
    [`0x${'f'.repeat(13)}${'0'.repeat(20)}`, true],
    ['.125', true],
  ])('nor is one of another base rounded in silence: %s', (text, isExact) => {
    const schema = z.object({ a: z.array(z.object({ n: z.coerce.number() })) });
    const line = JSON.stringify({ a: [{ n: '1' }, { n: text }] });
    const found = kept(line, schema, 'work', 'exact');
    const exact = { line: JSON.stringify({ a: [{ n: 1 }, { n: Number(text) }] }) };
    const refused = {
      dead: expect.stringContaining(`the number a.1.n is ${text.trim().slice(0, 30)}`),
    };
    expect(found).toEqual(isExact ? exact : refused);
    expect(kept(line, schema, 'work', 'lossy')).toEqual(exact);
    // A text that stays one is nobody's number.
    const texts = z.object({ a: z.array(z.object({ n: z.string() })) });
    expect(kept(line, texts, 'work', 'exact')).toEqual({ line });
  });

  test('nor is one whose digits are escaped', () => {
    const schema = z.object({ n: z.coerce.number() });
    const escaped = (text: string): string => text.replaceAll(/\d/g, (digit) => `\\u003${digit}`);
    const line = `{"n":"${escaped('9007199254740993')}"}`;
    const refused = expect.stringContaining('the number n is 9007199254740993') as string;
    expect(kept(line, schema, 'work', 'exact')).toEqual({ dead: refused });
    const exact = `{"n":"${escaped('123')}"}`;
    expect(kept(exact, schema, 'work', 'exact')).toEqual({ line: '{"n":123}' });
  });

  describe('and the line is kept to add to it', () => {
    function enriched(
      line: string,
      schema: z.ZodType,
      numbers: NumberRule,
      reading: Reading,
    ): { dead?: string; value?: Record<string, unknown>; text?: string | undefined } {
      const [record] = readRecords(Buffer.from(`${line}\n`), originOf(schema, numbers), reading);
      if (record === undefined || 'invalid' in record)
        return { dead: record?.invalid.message ?? '' };
      return { value: record.value as Record<string, unknown>, text: record.text };
    }
    const both = ['first enrich', 'enrich'] as const;

    test.each(both)('it stays, and what reads it is given up (%s)', (reading) => {
      for (const schema of [z.any(), z.looseObject({}), z.object({ id: z.number(), a: z.any() })]) {
        const { value = {}, text } = enriched(big, schema, 'exact', reading);
        expect([text, value['a'], Object.keys(value)]).toEqual([big, 1.1, ['id', 'a']]);
        expect(() => value['id']).toThrow(
          expect.objectContaining({ name: 'InvalidRecord', message: dead.dead }),
        );
        expect(() => ({ ...value })).toThrow(dead.dead);
        value['id'] = 7;
        expect(value).toEqual({ id: 7, a: 1.1 });
      }
    });

    test.each(both)(
      'at any depth, and what is left out or overwritten harms nobody (%s)',
      (reading) => {
        const line = '{"a":[{"b":[1,1e400]}],"c":9007199254740993,"c":1}';
        const { value = {}, text } = enriched(line, z.looseObject({}), 'exact', reading);
        expect([text, value['c']]).toEqual([line, 1]);
        expect(() => JSON.stringify(value)).toThrow('the number a.0.b.1 is 1e400');
        const twice = '{"c":9007199254740993,"c":9007199254740993}';
        const found = enriched(twice, z.any(), 'exact', reading).value ?? {};
        expect(() => found['c']).toThrow('the number c is');
        const { value: less, text: same } = enriched(
          line,
          z.object({ c: z.int() }),
          'exact',
          'enrich',
        );
        expect([less, same]).toEqual([{ c: 1 }, line]);
        expect(
          enriched(line, z.object({ a: z.array(z.object({})).optional() }), 'exact', 'enrich')
            .value,
        ).toEqual({ a: [{}] });
      },
    );

    test.each(both)('what a schema makes of it is given up (%s)', (reading) => {
      const seconds = z.codec(z.number(), z.string(), { decode: String, encode: Number });
      expect(enriched(big, z.object({ id: seconds, a: z.any() }), 'exact', reading)).toEqual(dead);
      expect(enriched(big, z.any().readonly(), 'exact', reading)).toEqual(dead);
    });

    test.each(both)(
      'also where a codec puts it elsewhere, and not what it leaves out (%s)',
      (reading) => {
        const n = 9007199254740993n;
        const inObject = z.codec(z.object({ v: z.number() }), z.number(), {
          decode: ({ v }) => v,
          encode: (v) => ({ v }),
        });
        const renamed = z.codec(z.object({ v: z.number() }), z.object({ w: z.number() }), {
          decode: ({ v }) => ({ w: v }),
          encode: ({ w }) => ({ v: w }),
        });
        const inSet = z.codec(z.array(z.number()), z.set(z.number()), {
          decode: (list) => new Set(list),
          encode: (set) => [...set],
        });
        for (const [line, a] of [
          [`{"a":{"v":${n}}}`, inObject],
          [`{"a":{"v":${n}}}`, renamed],
          [`{"a":[1,${n}]}`, inSet],
        ] as const) {
          const { dead: why } = enriched(line, z.object({ a }), 'exact', reading);
          expect([line, why]).toEqual([line, expect.stringContaining(`is ${n}, which`)]);
        }
        const line = `{"a":{"v":1},"b":[${n}],"c":{"d":${n}}}`;
        const partly = z.object({ a: inObject, c: z.object({}) });
        expect(enriched(line, partly, 'exact', 'enrich').value).toEqual({ a: 1, c: {} });
      },
    );

    test('the rules of numbers say what is read, and none of them rounds the line', () => {
      for (const reading of both) {
        const lossy = enriched(big, z.any(), 'lossy', reading);
        expect([lossy.value, lossy.text]).toEqual([{ id: 9007199254740992, a: 1.1 }, big]);
        const bigint = enriched(big, z.any(), 'bigint', reading);
        expect([bigint.value, bigint.text]).toEqual([{ id: 9007199254740993n, a: 1.1 }, big]);
      }
      const text = enriched(big, z.any(), 'text', 'first enrich');
      expect(text.text).toBe('{"id":"9007199254740993","a":1.1}');
    });

    test('a line that must be written anew is given up, as without it', () => {
      expect(enriched(big, z.object({ id: z.number() }), 'exact', 'first enrich')).toEqual(dead);
    });
  });

  const number = fc
    .tuple(
      fc.bigInt(),
      fc.nat(),
      fc.integer({ min: -400, max: 400 }),
      fc.integer({ min: 0, max: 3 }),
    )
    .map(([whole, fraction, exponent, shape]) => {
      return `${whole}${shape & 1 ? `.${fraction}` : ''}${shape & 2 ? `e${exponent}` : ''}`;
    });

  test('never becomes another one in silence', () => {
    fc.assert(
      fc.property(
        number,
        fc.string(),
        fc.constantFrom('exact', 'text', 'bigint'),
        (token, key, rule) => {
          const line = JSON.stringify({ [key]: [{ it: '@' }] }).replace('"@"', token);
          for (const reading of ['work', 'judge', 'pass'] as const) {
            const found = kept(line, z.any(), reading, rule);
            if ('dead' in found) continue;
            const [, written = ''] = /"it":"?([^"}]*)"?\}\]\}$/.exec(found.line) ?? [];
            expect(written === token || Number(written) === Number(token)).toBe(true);
            if (written !== token)
              expect(kept(`[${token}]`, z.any(), 'work')).toHaveProperty('line');
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
