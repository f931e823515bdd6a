import type { GivenParams } from '@leat/core';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { checkParams, readParams } from './run-params.ts';

const Params = z.object({
  file: z.string(),
  count: z.int().min(1).default(100),
  dry: z.boolean().optional(),
  mode: z.enum(['fast', 'safe']).default('safe'),
  since: z.iso
    .date()
    .transform((text) => new Date(text))
    .optional(),
  columns: z.array(z.string()).optional(),
});

function faultsOf(given: GivenParams, schema: z.ZodObject = Params): string {
  try {
    readParams(schema, given);
    return 'none';
  } catch (error) {
    expect(error).toMatchObject({ name: 'LeatError', code: 'invalid-configuration' });
    return (error as Error).message;
  }
}

const Loose = z.object({
  value: z.union([z.number(), z.array(z.number()), z.object({ n: z.number() })]),
});

describe('numbers in parameters', () => {
  test.each([
    ['9007199254740993'],
    ['9007199254740993.0'],
    ['[12345678901234567890]'],
    ['0.12345678901234567'],
    ['{"n": 1234567890123456.7e3}'],
  ])('%s is refused, because JavaScript would round it', (value) => {
    expect(faultsOf({ value }, Loose)).toContain('The parameter value does not fit');
  });

  test.each([
    ['9007199254740991', 9007199254740991],
    ['0.1', 0.1],
    ['1.50', 1.5],
    ['-1e21', -1e21],
    ['[123456789012345]', [123456789012345]],
    ['{"n": 0.000001234}', { n: 0.000001234 }],
  ])('%s is read as it stands', (text, value) => {
    expect(readParams(Loose, { value: text })).toEqual({ value });
  });

  test('digits in a string are text', () => {
    const Names = z.object({ value: z.array(z.string()) });
    const value = '["12345678901234567890", "a \\" 9007199254740993"]';
    expect(readParams(Names, { value })).toEqual({
      value: ['12345678901234567890', 'a " 9007199254740993'],
    });
  });
});

describe('parameters are read', () => {
  test('with their defaults, and as what the schema makes of them', () => {
    expect(readParams(Params, { file: 'a.csv', since: '2026-11-27' })).toEqual({
      file: 'a.csv',
      count: 100,
      mode: 'safe',
      since: new Date('2026-11-27'),
    });
  });

  test('as text from the command line, and as JSON where the schema does not take text', () => {
    const given = { file: '12', count: '3', dry: 'false', columns: '["a","b"]' };
    const typed = { file: '12', count: 3, dry: false, columns: ['a', 'b'] };
    expect(readParams(Params, given)).toEqual({ ...typed, mode: 'safe' });
    expect(readParams(Params, typed)).toEqual({ ...typed, mode: 'safe' });
  });

  test('as they are given where there is no schema', () => {
    expect(readParams(undefined, { anything: '1' })).toEqual({ anything: '1' });
    expect(() => readParams(undefined, { count: 1 })).toThrow(
      'The parameter count does not fit: it must be text, as the pipeline has no schema for parameters.',
    );
  });

  test('by an open schema, whatever their names', () => {
    expect(readParams(z.looseObject({ n: z.int() }), { n: '1', more: '2' })).toEqual({
      n: 1,
      more: '2',
    });
    expect(faultsOf({ more: '2' }, z.strictObject({}))).toBe(
      'There is no parameter "more": there are none.',
    );
  });
});

test('a name that no parameter can have is refused, also of a secret, where there is no schema, too', () => {
  const named = JSON.parse('{"__proto__":"x"}') as GivenParams;
  for (const schema of [undefined, z.looseObject({})]) {
    for (const check of [
      () => checkParams(schema, named),
      () => checkParams(schema, { 'a b': 'x' }),
      () => checkParams(schema, {}, ['']),
    ]) {
      expect(check).toThrow(expect.objectContaining({ code: 'invalid-name' }));
    }
  }
});

describe('a sentence says of each parameter', () => {
  test.each<[GivenParams, string]>([
    [{}, 'The parameter file is missing (Invalid input: expected string, received undefined).'],
    [
      { file: 'a', cuont: '1', bananas: '2' },
      'There is no parameter "cuont": did you mean count? There is no parameter "bananas": there are file, count, dry, mode, since, columns.',
    ],
    [
      { file: 'a', count: '0', mode: 'slow' },
      'The parameter count does not fit: Too small: expected number to be >=1. The parameter mode does not fit: Invalid option: expected one of "fast"|"safe".',
    ],
    [
      { file: 'a', count: 'many' },
      'The parameter count does not fit: Invalid input: expected number, received string.',
    ],
    [
      // It would be 2^53 after JSON.parse.
      { file: 'a', count: '9007199254740993' },
      'The parameter count does not fit: Invalid input: expected number, received string.',
    ],
    [
      { file: 'a', columns: ['a', 1] },
      'The parameter columns.1 does not fit: Invalid input: expected string, received number.',
    ],
    [
      { file: 'a', toString: 'b' },
      'There is no parameter "toString": there are file, count, dry, mode, since, columns.',
    ],
  ])('%j', (given, sentences) => {
    expect(faultsOf(given)).toBe(sentences);
  });

  test('and of all of them together', () => {
    const range = z
      .object({ from: z.int(), to: z.int() })
      .refine(({ from, to }) => from <= to, 'from must not be above to');
    expect(faultsOf({ from: '2', to: '1' }, range)).toBe(
      'The parameters do not fit together: from must not be above to.',
    );
  });

  test('and that a schema must not wait', () => {
    const waits = z.object({ file: z.string().refine(async () => true) });
    expect(() => readParams(waits, { file: 'a' })).toThrow(
      expect.objectContaining({
        code: 'invalid-pipeline',
        message: expect.stringMatching(
          /^The schema of the parameters cannot be applied: /,
        ) as string,
      }),
    );
  });
});

describe('before a run is started', () => {
  const withToken = z
    .object({ file: z.string(), token: z.string(), count: z.int().default(1) })
    .refine(() => false, 'never');

  test('what stands in secrets is checked by name only', () => {
    expect(() => checkParams(withToken, { file: 'a' }, ['token'])).not.toThrow();
    expect(() => checkParams(withToken, { count: 'x' }, ['token', 'tokn'])).toThrow(
      'There is no parameter "tokn": did you mean token? The parameter file is missing (Invalid input: expected string, received undefined). The parameter count does not fit: Invalid input: expected number, received string.',
    );
  });

  test('without secrets all is checked', () => {
    expect(() => checkParams(withToken, { file: 'a', token: 't' })).toThrow('never');
    expect(() => checkParams(undefined, { anything: '1' }, ['token'])).not.toThrow();
  });

  test.each(['9007199254740993', '0x20000000000001', '0.10000000000000001'])(
    'what a schema would round is refused: %s',
    (text) => {
      const schema = z.object({ from: z.coerce.number() });
      const sentence = `The parameter from is ${text}, which JavaScript holds as`;
      expect(() => checkParams(schema, { from: text })).toThrow(sentence);
      expect(() => checkParams(schema, { from: '9007199254740992' })).not.toThrow();
    },
  );

  test('what JSON cannot hold is refused', () => {
    const given = { at: new Date(0) } as unknown as GivenParams;
    expect(() => checkParams(z.object({ at: z.date() }), given)).toThrow(
      'The parameter at does not fit: JSON cannot hold it: it is an instance of Date.',
    );
  });
});
