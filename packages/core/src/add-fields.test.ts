import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addFields, isObjectText } from './add-fields.ts';

const added = (object: string, fields: object): string =>
  addFields(object, JSON.stringify(fields), Object.keys(fields));

describe('fields come behind those that are there', () => {
  test.each([
    ['{"a":1}', '{"a":1,"zone":"NA"}'],
    ['{}', '{"zone":"NA"}'],
    [' { \t } ', ' { \t "zone":"NA"} '],
    ['{"a":{"zone":1},"b":[{}]} \r', '{"a":{"zone":1},"b":[{}],"zone":"NA"} \r'],
    ['{ "a" : "}" , "b":"{" }', '{ "a" : "}" , "b":"{" ,"zone":"NA"}'],
    [String.raw`{"a":"\\"}`, String.raw`{"a":"\\","zone":"NA"}`],
    ['{"id":12345678901234567890,"id":1.10}', '{"id":12345678901234567890,"id":1.10,"zone":"NA"}'],
    ['{"kind":"zone"}', '{"kind":"zone","zone":"NA"}'],
    ['{"a":"say \\"zone\\":1"}', '{"a":"say \\"zone\\":1","zone":"NA"}'],
    ['{"zoné":"é"}', '{"zoné":"é","zone":"NA"}'],
  ])('%s', (object, result) => {
    expect(added(object, { zone: 'NA' })).toBe(result);
  });
});

describe('or in the place of a field of that name', () => {
  test.each([
    ['{"zone":1}', '{"zone":"NA"}'],
    ['{"zone" : { "zone":[1] } ,"a":1.0}', '{"zone" : "NA" ,"a":1.0}'],
    [
      '{"a":12345678901234567890,"zone":12,"b":[]}',
      '{"a":12345678901234567890,"zone":"NA","b":[]}',
    ],
    ['{"zone":1,"a":2,"zone":[3]}', '{"zone":"NA","a":2,"zone":"NA"}'],
    [String.raw`{"z\u006fne":"]\"","a":"x"}`, String.raw`{"z\u006fne":"NA","a":"x"}`],
    ['{"zone":null }', '{"zone":"NA" }'],
  ])('%s', (object, result) => {
    expect(added(object, { zone: 'NA' })).toBe(result);
  });

  test('while others are added', () => {
    const object = String.raw`{"a":1,"b\u0020":{"c":"{"},"d":true}`;
    const fields = { d: [false], 'b ': -1, 'e"': null };
    expect(added(object, fields)).toBe(String.raw`{"a":1,"b\u0020":-1,"d":[false],"e\"":null}`);
  });

  test('also if it is a name that objects of JavaScript have', () => {
    const fields = JSON.parse('{"__proto__":1,"constructor":2}') as object;
    expect(added('{"__proto__":{},"a":3}', fields)).toBe('{"__proto__":1,"a":3,"constructor":2}');
  });
});

test('an object is told by its end', () => {
  for (const line of ['{}', ' {"a":1 } \r']) expect(isObjectText(line)).toBe(true);
  for (const line of ['1', '[{}]', '"}"', 'null', '[{}] ']) expect(isObjectText(line)).toBe(false);
});

describe('whatever the object and the fields are', () => {
  const space = fc.constantFrom('', '', ' ', '\t', ' \r ');
  const name = fc.oneof(fc.constantFrom('a', 'b', 'zone', '__proto__', ''), fc.string());
  const spelled = fc.tuple(name, fc.boolean()).map(([text, isEscaped]) => {
    const escape = (char: string): string =>
      `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return isEscaped ? `"${text.split('').map(escape).join('')}"` : JSON.stringify(text);
  });
  const value = fc.oneof(
    fc.json(),
    fc
      .json()
      .map((text) => JSON.stringify(JSON.parse(text), undefined, '\t').replaceAll('\n', ' ')),
    fc.constantFrom('12345678901234567890', '1.0e0', '-0', '"}"', '"{,"', String.raw`"\\\""`),
  );
  const member = fc
    .tuple(space, spelled, space, space, value, space)
    .map(([a, key, b, c, text, d]) => ({
      key: JSON.parse(key) as string,
      text: `${a}${key}${b}:${c}${text}${d}`,
    }));
  const object = fc.tuple(space, fc.array(member, { maxLength: 6 }), space, space);
  const fields = fc.dictionary(name, fc.jsonValue(), { minKeys: 1, maxKeys: 4 });

  test('it is what the spread of both is, and what was not touched is there byte for byte', () => {
    fc.assert(
      fc.property(object, fields, ([before, members, inside, behind], more) => {
        const all = members.map(({ text }) => text).join(',');
        const line = `${before}{${all === '' ? inside : all}}${behind}`;
        const result = added(line, more);
        const spread = { ...(JSON.parse(line) as object), ...more };
        expect(JSON.stringify(JSON.parse(result))).toBe(
          JSON.stringify(JSON.parse(JSON.stringify(spread))),
        );
        let at = 0;
        for (const { key, text } of members) {
          if (Object.hasOwn(more, key)) continue;
          const found = result.indexOf(text, at);
          expect(found).not.toBe(-1);
          at = found + text.length;
        }
        if (members.some(({ key }) => Object.hasOwn(more, key))) return;
        const kept = line.slice(0, line.lastIndexOf('}'));
        expect(result.startsWith(kept)).toBe(true);
        expect(result.endsWith(`}${behind}`)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});
