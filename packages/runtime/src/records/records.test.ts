import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { readRecords, textsOf } from './records.ts';

const Numbered = z.object({ n: z.number() });

function outcomes(body: Uint8Array | string, schema: z.ZodType = Numbered): string[] {
  return readRecords(Buffer.from(body), schema).map((record) =>
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
      expect(readRecords(body, z.unknown())).toHaveLength(all.length);
      expect(textsOf(body)).toEqual(all.map((line) => Buffer.from(line).toString()));
    }),
  );
});
