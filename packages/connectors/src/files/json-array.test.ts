import {
  expectResumable,
  expectSound,
  linesOf,
  numbersOf,
  readAll,
  sourceContract,
} from '@leat/testing/contracts';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compactJson } from './compact-json.ts';
import { jsonArray } from './json-array.ts';
import { TemporaryFiles } from './temporary-files.testsuite.ts';

const files = new TemporaryFiles();
const array = (count: number, indent?: number): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, i) => ({ i, s: 'né "x" \\ ]', a: [[i], {}] })),
    null,
    indent,
  );

sourceContract('jsonArray', {
  make: () => jsonArray([files.write(array(25), 'a.json'), files.write(array(6, 2), 'b.json')]),
  openFiles: files.openFiles,
});
sourceContract('jsonArray of gzip', {
  make: () => jsonArray(files.write(gzipSync(array(25)), 'c.json')),
  openFiles: files.openFiles,
});

describe('jsonArray', () => {
  test.each([
    { title: 'an empty file', content: '', lines: [] },
    { title: 'an empty file with whitespace', content: ' \r\n\t', lines: [] },
    { title: 'an empty array', content: ' [ \n] \n', lines: [] },
    {
      title: 'scalars',
      content: '[1,-2.50,true , null,"a]b",""]',
      lines: ['1', '-2.50', 'true', 'null', '"a]b"', '""'],
    },
    {
      title: 'one element a line',
      content: '[\n{"a":1},\r\n{"a":2}\n]\n',
      lines: ['{"a":1}', '{"a":2}'],
    },
    {
      title: 'commas in front',
      content: '[{"a":1}\n,{"a":2}\n,3\n,"x"\n]',
      lines: ['{"a":1}', '{"a":2}', '3', '"x"'],
    },
    {
      title: 'pretty-printed elements',
      content: '[\n  {\n    "a": [1,\r\n 2],\n\t"b c": "d  e\\n"\n  }\n]',
      lines: ['{"a":[1,2],"b c":"d  e\\n"}'],
    },
    {
      title: 'escapes',
      content: '["\\"]",{"\\\\":"\\\\"},"\\u005d\\\\\\""]',
      lines: ['"\\"]"', '{"\\\\":"\\\\"}', '"\\u005d\\\\\\""'],
    },
    { title: 'a byte order mark', content: '\uFEFF[1]', lines: ['1'] },
    {
      title: 'numbers beyond doubles',
      content: '[[\n12345678901234567890123, 1.0]]',
      lines: ['[12345678901234567890123,1.0]'],
    },
    {
      title: 'elements malformed within',
      content: '[{"a":tru},{"a" 1},[1\n2],[,],truly]',
      lines: ['{"a":tru}', '{"a" 1}', '[1 2]', '[,]', 'truly'],
    },
  ])('reads $title', async ({ content, lines }) => {
    for (const path of [files.write(content), files.write(gzipSync(content))]) {
      for (const readBytes of [1, 2, 3, 1000]) {
        const outcome = await readAll(jsonArray(path, { readBytes }));
        expect(outcome.error).toBeUndefined();
        expect(linesOf(outcome)).toEqual(lines);
        expect(numbersOf(outcome)).toEqual(lines.map((_, i) => i));
      }
    }
  });

  test.each([
    {
      content: '{"a":1}\n{"a":2}\n',
      lines: [],
      message: /expected an array \("\["\), found "\{" at byte 0\..*ndjson/,
    },
    {
      content: '\uFEFF x',
      lines: [],
      message: /expected an array \("\["\), found "x" at byte 4\./,
    },
    { content: '"text"', lines: [], message: /expected an array/ },
    { content: '[', lines: [], message: /cut short: it ends at byte 1, after 0 elements, without/ },
    {
      content: '[1,2',
      lines: ['1'],
      message: /cut short: it ends at byte 4, within element 1, which begins at byte 3/,
    },
    {
      content: '[1,2 ',
      lines: ['1', '2'],
      message: /ends at byte 5, after 2 elements, without the closing "\]"/,
    },
    { content: '[1,', lines: ['1'], message: /ends at byte 3, after 1 elements/ },
    {
      content: '[{"a":1},{"b":"x',
      lines: ['{"a":1}'],
      message: /ends at byte 16, within element 1, which begins at byte 9/,
    },
    { content: '[{"a":1},{"b":"x\\', lines: ['{"a":1}'], message: /within element 1/ },
    {
      content: '[1]]',
      lines: ['1'],
      message: /expected nothing after the closing "\]", found "\]" at byte 3/,
    },
    { content: '[1][2]', lines: ['1'], message: /nothing after the closing/ },
    {
      content: '[]\n[]',
      lines: [],
      message: /nothing after the closing "\]", found "\[" at byte 3/,
    },
    { content: '[1,,2]', lines: ['1'], message: /expected element 1, found "," at byte 3/ },
    { content: '[,1]', lines: [], message: /expected element 0, found ","/ },
    { content: '[1,]', lines: ['1'], message: /expected element 1, found "\]" at byte 3/ },
    {
      content: '[1 2]',
      lines: ['1'],
      message: /expected "," or "\]" after element 0, found "2" at byte 3/,
    },
    {
      content: '[{}{}]',
      lines: ['{}'],
      message: /expected "," or "\]" after element 0, found "\{" at byte 3/,
    },
    { content: '["a""b"]', lines: ['"a"'], message: /after element 0, found """ at byte 4/ },
    { content: '[1}', lines: ['1'], message: /after element 0, found "\}"/ },
    {
      content: '[{"a":[1}]',
      lines: [],
      message: /expected "\]" in element 0, found "\}" at byte 8/,
    },
    { content: "['a']", lines: [], message: /expected element 0, found "'" at byte 1/ },
    { content: '[\0]', lines: [], message: /found byte 0x00 at byte 1/ },
  ])('refuses $content', async ({ content, lines, message }) => {
    for (const readBytes of [1, 2, 1000]) {
      const source = jsonArray(files.write(content, 'refused'), { readBytes });
      const outcome = await readAll(source, { chunkSize: 1 });
      expect(linesOf(outcome)).toEqual(lines);
      expect(outcome.error).toMatchObject({
        code: 'source-damaged',
        message: expect.stringMatching(message),
      });
      await expectResumable(source, outcome, { chunkSize: 1 });
    }
  });

  test('rejects an element with a line break within a string, and goes on', async () => {
    const content = '[1,{"a":"b\nc"},"d\\\ne",2]';
    for (const readBytes of [1, 1000]) {
      const { chunks, error } = await readAll(jsonArray(files.write(content), { readBytes }));
      expect(error).toBeUndefined();
      expect(chunks).toMatchObject([
        {
          body: '1\n2\n',
          origins: [0, 3],
          rejected: [
            { offset: 1, raw: '{"a":"b\nc"}', reason: 'a string has a line break in it' },
            { offset: 2, raw: '"d\\\ne"' },
          ],
        },
      ]);
    }
  });

  test.each([1, 1000])(
    'refuses an element that is too long, reading %i bytes',
    async (readBytes) => {
      const content = '[1,"12345678","123456789",2]';
      const source = jsonArray(files.write(content), { maxRecordBytes: 10, readBytes });
      const outcome = await readAll(source);
      expect(linesOf(outcome)).toEqual(['1', '"12345678"']);
      expect(outcome.error).toMatchObject({
        code: 'source-damaged',
        message: expect.stringMatching(
          /^Element 2 of .* begins at byte 14, is longer than 10 bytes/,
        ),
      });
    },
  );

  test('reads elements nested more deeply than any parser would', async () => {
    const deep = '['.repeat(10_000) + ']'.repeat(10_000);
    expect(linesOf(await readAll(jsonArray(files.write(`[${deep}]`))))).toEqual([deep]);
  });
});

test('compactJson changes the whitespace of a JSON text and nothing else', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(' ', '\t', '    '), (value, indent) => {
      const text = Buffer.from(JSON.stringify(value, null, indent).replaceAll('\n', ' \r\n'));
      expect(text.toString('utf8', 0, compactJson(text))).toBe(JSON.stringify(value));
    }),
  );
});

test('jsonArray ships any dataset, however it is read and cut, and goes on from anywhere', async () => {
  const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n  ');
  const dataset = fc.record({
    values: fc.array(fc.jsonValue(), { maxLength: 20 }),
    indent: fc.constantFrom(undefined, 1),
    before: space,
    after: space,
    bom: fc.constantFrom('', '\uFEFF'),
  });
  const limits = fc.record({
    chunkSize: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 80 }),
    readBytes: fc.integer({ min: 1, max: 64 }),
  });
  await fc.assert(
    fc.asyncProperty(dataset, limits, async (set, { readBytes, ...options }) => {
      const elements = set.values.map(
        (value) => set.before + JSON.stringify(value, null, set.indent) + set.after,
      );
      const text = `${set.bom}${set.before}[${elements.join(',')}${set.after}]${set.before}`;
      const path = files.write(text, 'property');
      const source = jsonArray(path, { readBytes });
      const whole = await readAll(source, options);
      expect(whole.error).toBeUndefined();
      expect(linesOf(whole)).toEqual(set.values.map((value) => JSON.stringify(value)));
      expect(numbersOf(whole)).toEqual(set.values.map((_, i) => i));
      expectSound(whole, options.chunkSize, options.maxBytes);
      await expectResumable(source, whole, options);
      const gzip = jsonArray(files.write(gzipSync(text), 'property.gz'), { readBytes });
      expect(await readAll(jsonArray(path), options)).toEqual(whole);
      expect(linesOf(await readAll(gzip, options))).toEqual(linesOf(whole));
      await expectResumable(gzip, await readAll(gzip, options), options);
    }),
    { numRuns: 150 },
  );
});
