import {
  expectResumable,
  expectSound,
  linesOf,
  numbersOf,
  readAll,
  sourceContract,
} from '@leat/testing/contracts';
import { gzipSync } from 'node:zlib';
import { LeatError } from '@leat/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csv } from './csv.ts';
import { TemporaryFiles } from './temporary-files.testsuite.ts';

const files = new TemporaryFiles();
const numbered = (count: number): string =>
  `i,text\n${Array.from({ length: count }, (_, i) => `${i},"né, ""x""\r\n${i}"\n`).join('')}`;

/** A field as it stands in a file. */
const written = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

const codeOf = (error: unknown): unknown => (error instanceof LeatError ? error.code : error);
const countOfX = (text: string): number => text.split('x').length - 1;

sourceContract('csv', {
  make: () => csv([files.write(numbered(25), 'a.csv'), files.write(numbered(6), 'b.csv')]),
  openFiles: files.openFiles,
});
sourceContract('csv of gzip', {
  make: () => csv(files.write(gzipSync(numbered(25)), 'c.csv.gz')),
  openFiles: files.openFiles,
});

describe('csv', () => {
  test.each([
    { title: 'an empty file', content: '', records: [], numbers: [] },
    { title: 'a header only', content: 'a,b\r\n', records: [], numbers: [] },
    {
      title: 'rows',
      content: 'a,b\n1,2\n,\n',
      records: [
        { a: '1', b: '2' },
        { a: '', b: '' },
      ],
      numbers: [2, 3],
    },
    {
      title: 'no line break at the end',
      content: 'a,b\n1,2',
      records: [{ a: '1', b: '2' }],
      numbers: [2],
    },
    {
      title: 'a quote at the end',
      content: 'a,b\n1,"2"',
      records: [{ a: '1', b: '2' }],
      numbers: [2],
    },
    {
      title: 'carriage returns',
      content: 'a,b\r\n1,"2"\r\n\r\n3,4\n',
      records: [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
      numbers: [2, 4],
    },
    {
      title: 'quoted line breaks',
      content: 'a,b\n"1\n\n2",x\n\n"3\r\n",y\n4,z\n',
      records: [
        { a: '1\n\n2', b: 'x' },
        { a: '3\r\n', b: 'y' },
        { a: '4', b: 'z' },
      ],
      numbers: [2, 6, 8],
    },
    {
      title: 'quoted quotes',
      content: 'a\n""\n""""\n"x""y"\n',
      records: [{ a: '' }, { a: '"' }, { a: 'x"y' }],
      numbers: [2, 3, 4],
    },
    { title: 'a byte order mark', content: '\uFEFFa\n1\n', records: [{ a: '1' }], numbers: [2] },
    {
      title: 'a quoted header over lines',
      content: '"a\nb"\n1\n2\n',
      records: [{ 'a\nb': '1' }, { 'a\nb': '2' }],
      numbers: [3, 4],
    },
    {
      title: 'names that objects have',
      content: '__proto__,constructor\n1,2\n',
      records: [JSON.parse('{"__proto__":"1","constructor":"2"}')],
      numbers: [2],
    },
  ])('reads $title', async ({ content, records, numbers }) => {
    for (const path of [files.write(content), files.write(gzipSync(content))]) {
      for (const readBytes of [1, 2, 3, 1000]) {
        const source = csv(path, { readBytes });
        const outcome = await readAll(source, { chunkSize: 1 });
        expect(outcome.error).toBeUndefined();
        expect(linesOf(outcome).map((line) => JSON.parse(line))).toEqual(records);
        expect(numbersOf(outcome)).toEqual(numbers);
        await expectResumable(source, outcome, { chunkSize: 1 });
      }
    }
  });

  test('takes another delimiter, and names for a file without a header', async () => {
    const source = csv(files.write('1\t2\n\t"3,"\n'), { delimiter: '\t', columns: ['x', 'y'] });
    const outcome = await readAll(source, { chunkSize: 1 });
    expect(linesOf(outcome)).toEqual(['{"x":"1","y":"2"}', '{"x":"","y":"3,"}']);
    expect(numbersOf(outcome)).toEqual([1, 2]);
    await expectResumable(source, outcome, { chunkSize: 1 });
  });

  test.each([1, 4, 1000])('rejects bad rows and goes on, reading %i bytes', async (readBytes) => {
    const content = 'a,b\n1\n2,x\n3,y,z\n"4"4,x\n5"5,x\n6,x\n"7\n"7,x\n"8"\r,x\n9,x\n';
    const source = csv(files.write(content), { readBytes });
    const outcome = await readAll(source);
    expect(outcome.error).toBeUndefined();
    expect(outcome.chunks).toMatchObject([
      {
        body: '{"a":"2","b":"x"}\n{"a":"6","b":"x"}\n{"a":"9","b":"x"}\n',
        position: { unit: 'line', first: 2 },
        origins: [1, 5, 9],
        rejected: [
          { offset: 0, raw: '1', reason: 'expected 2 columns, found 1' },
          { offset: 2, raw: '3,y,z', reason: 'expected 2 columns, found 3' },
          { offset: 3, raw: '"4"4,x', reason: 'a closing quote is followed by "4" on line 5' },
          {
            offset: 4,
            raw: '5"5,x',
            reason: 'there is a quote within a field that does not begin with one on line 6',
          },
          {
            offset: 6,
            raw: '"7',
            reason:
              'a closing quote is followed by "7" on line 9; the lines from 9 on are read as rows',
          },
          {
            offset: 7,
            raw: '"7,x',
            reason:
              'a closing quote is followed by "8" on line 10; the lines from 10 on are read as rows',
          },
          {
            offset: 8,
            raw: '"8"\r,x',
            reason: 'there is a carriage return outside quotes on line 10',
          },
        ],
      },
    ]);
    for (const chunkSize of [1, 2]) {
      await expectResumable(source, await readAll(source, { chunkSize }), { chunkSize });
    }
  });

  test.each([
    ['"a;b"', 'a;b'],
    ['"a:b:c"', 'a:b:c'],
    ['time:utc', 'time:utc'],
    ['first-name', 'first-name'],
    ['price / kg', 'price / kg'],
  ])('takes the name of one column as it is: %s', async (header, name) => {
    const outcome = await readAll(csv(files.write(`${header}\n1\n`)));
    expect(linesOf(outcome)).toEqual([`{${JSON.stringify(name)}:"1"}`]);
  });

  const plain = (from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, i) => `${from + i},plain`);
  test.each([
    { title: 'that another one ends', last: '41,"quoted ok"', lost: [2] },
    { title: 'that another stray one ends', last: '41,5" pipe', lost: [2, 41] },
    { title: 'that doubled ones follow', last: '41,""', lost: [2] },
    { title: 'that nothing ends', last: '41,plain', lost: [2] },
    { title: 'and one behind it', last: '41,"6 inch', lost: [2, 41] },
  ])('loses at most two rows to a stray quote $title', async ({ last, lost }) => {
    const rows = ['1,ok', '2,"5 inch pipe', ...plain(3, 40), last, '42,plain'];
    for (const lineEnd of ['\n', '\r\n', '\r']) {
      const text = ['id,note', ...rows, ''].join(lineEnd);
      for (const path of [files.write(text), files.write(gzipSync(text))]) {
        const source = csv(path, { readBytes: lineEnd.length === 2 ? 7 : 1000 });
        const outcome = await readAll(source, { chunkSize: 5 });
        expect(outcome.error).toBeUndefined();
        const rejected = outcome.chunks.flatMap(({ rejected: some = [], position }) =>
          some.map(({ offset }) => position.first + offset - 1),
        );
        expect(rejected).toEqual(lost);
        expect(linesOf(outcome)).toHaveLength(42 - lost.length);
        expect(
          numbersOf(outcome)
            .map(Math.abs)
            .toSorted((a, b) => a - b),
        ).toEqual(rows.map((_, i) => i + 2));
        await expectResumable(source, outcome, { chunkSize: 5 });
      }
    }
  });

  test('says so where a stray quote may have joined rows of the right form', async () => {
    const outcome = await readAll(csv(files.write('a,b,c\n1,"x,x\n2,x,x\n3,x,x"\n4,x,x\n')));
    expect(linesOf(outcome)).toEqual(['{"a":"4","b":"x","c":"x"}']);
    expect(outcome.chunks[0]?.rejected).toMatchObject([
      { reason: expect.stringContaining('on the lines 2 to 4: a stray quote may have joined') },
    ]);
  });

  test.each([
    { title: 'carriage returns', text: 'id,city\r1,Lund\r2,Ghent\r3,Turku\r', lost: 0 },
    { title: 'no line end behind the last', text: 'id,city\r1,Lund\r2,Ghent\r3,Turku', lost: 0 },
    {
      title: 'doubled carriage returns',
      text: 'id,city\r\r\n1,Lund\r\r\n2,Ghent\r\r\n3,Turku',
      lost: 0,
    },
    { title: 'line ends of both kinds', text: 'id,city\r\n1,Lund\n2,Ghent\r\n3,Turku\r', lost: 0 },
    {
      title: 'quoted carriage returns',
      text: 'id,"ci\rty"\r1,Lund\r2,Ghent\r3,"Tur\nku"\r',
      lost: 0,
    },
    { title: 'a carriage return in a row', text: 'id,city\n1,Lu\rnd\n2,Ghent\n3,Turku\n', lost: 1 },
  ])('reads $title, or says what is wrong', async ({ text, lost }) => {
    for (const readBytes of [1, 2, 1000]) {
      const source = csv(files.write(text), { readBytes });
      const outcome = await readAll(source, { chunkSize: 1 });
      expect(outcome.error).toBeUndefined();
      expect(linesOf(outcome)).toHaveLength(3 - lost);
      expect(outcome.chunks.flatMap(({ rejected = [] }) => rejected)).toHaveLength(lost);
      await expectResumable(source, outcome, { chunkSize: 1 });
      const names = csv(files.write(text.slice(text.indexOf('1,'))), { columns: ['a', 'b'] });
      expect(linesOf(await readAll(names))).toHaveLength(3 - lost);
    }
  });

  test('rejects a row that is not UTF-8, and goes on', async () => {
    const content = Buffer.from('a\n1\n\xe9t\xe9\n2\n', 'latin1');
    const outcome = await readAll(csv(files.write(content)));
    expect(linesOf(outcome)).toEqual(['{"a":"1"}', '{"a":"2"}']);
    expect(outcome.chunks).toMatchObject([
      { rejected: [{ offset: 1, raw: '\uFFFDt\uFFFD', reason: 'it is not valid UTF-8' }] },
    ]);
  });

  test('goes on from a cursor whatever stands in the file later', async () => {
    const source = csv(files.write('a\n1\n2\n3\n"4\n'));
    const outcome = await readAll(source, { chunkSize: 1 });
    expect(linesOf(outcome)).toEqual(['{"a":"1"}', '{"a":"2"}', '{"a":"3"}']);
    await expectResumable(source, outcome, { chunkSize: 1 });
    const long = csv(files.write('a\n1\n2\n3\n4444444444\n'), { maxRecordBytes: 8 });
    await expectResumable(long, await readAll(long, { chunkSize: 1 }), { chunkSize: 1 });
  });

  test.each([1, 1000])('refuses a row that is too long, reading %i bytes', async (readBytes) => {
    const source = csv(files.write('a\n1\n"2\n3\n4\n5\n6"\n'), { maxRecordBytes: 8, readBytes });
    const outcome = await readAll(source);
    expect(linesOf(outcome)).toEqual(['{"a":"1"}']);
    expect(outcome.error).toMatchObject({
      code: 'source-damaged',
      message: expect.stringMatching(/that begins on line 3 is longer than 8 bytes/),
    });
  });

  test.each([
    { content: 'a,a\n1,2\n', message: /two columns with the name "a"/ },
    { content: '"a"b,c\n1,2\n', message: /no header that could be read: a closing quote/ },
    { content: '"a,b\n1,2\n', message: /no header that could be read: a quote is not closed/ },
    {
      content: 'id;city\n1;Lund\n',
      message: /one column with ";" in its name.* set delimiter to ";"/,
    },
    { content: 'sep=|\na|b\n', message: /set delimiter to "\|"/ },
    { content: 'a\tb\r1\t2\r', message: /set delimiter to "\\t"/ },
    {
      content: 'a,b\r1,2\r3,"4"\n',
      message: /no header .*: there is a carriage return outside quotes on line 1/,
    },
    { content: 'a\u0001b\n', message: /set delimiter to "\\u0001"/ },
    { content: 'a:b:c\n1:2:3\n', message: /set delimiter to ":"/ },
    { content: 'a^b\n1^2\n', message: /set delimiter to "\^"/ },
    { content: 'a~b\n1~2\n', message: /set delimiter to "~"/ },
  ])('refuses the header of $content', async ({ content, message }) => {
    const outcome = await readAll(csv(files.write(content)));
    expect(outcome.chunks).toEqual([]);
    expect(outcome.error).toMatchObject({
      code: 'source-damaged',
      message: expect.stringMatching(message),
    });
  });

  test.each([
    { delimiter: '' },
    { delimiter: '"' },
    { delimiter: '\n' },
    { delimiter: '::' },
    { delimiter: 'é' },
    { columns: [] },
    { columns: ['a', 'a'] },
  ])('refuses the options %o', (options) => {
    expect(() => csv('x.csv', options)).toThrow(
      expect.objectContaining({ code: 'invalid-pipeline' }),
    );
  });
});

test('csv ships any dataset, however it is read and cut, and goes on from anywhere', async () => {
  const field = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', ' ', 'é', 'x'), maxLength: 6 }),
  );
  const dataset = fc.record({
    rows: fc.array(fc.tuple(field, field), { maxLength: 15 }),
    end: fc.constantFrom('\n', '\r\n', '\n\n', '\r', '\r\r'),
    bom: fc.constantFrom('', '\uFEFF'),
  });
  const limits = fc.record({
    chunkSize: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 80 }),
    readBytes: fc.integer({ min: 1, max: 64 }),
  });
  await fc.assert(
    fc.asyncProperty(dataset, limits, async ({ rows, end, bom }, { readBytes, ...options }) => {
      const lines = ['a,b', ...rows.map((row) => row.map(written).join(','))];
      const text = bom + lines.map((line) => line + end).join('');
      const path = files.write(text, 'property');
      const source = csv(path, { readBytes });
      const whole = await readAll(source, options);
      expect(whole.error).toBeUndefined();
      expect(linesOf(whole)).toEqual(rows.map(([a, b]) => JSON.stringify({ a, b })));
      const linesBefore = (row: number): number =>
        lines
          .slice(0, row)
          .map((line) => line + end)
          .join('')
          .split(end.startsWith('\r') && !end.endsWith('\n') ? '\r' : '\n').length;
      expect(numbersOf(whole)).toEqual(rows.map((_, i) => linesBefore(i + 1)));
      expectSound(whole, options.chunkSize, options.maxBytes);
      await expectResumable(source, whole, options);
      expect(await readAll(csv(path), options)).toEqual(whole);
      const gzip = csv(files.write(gzipSync(text), 'property.gz'), { readBytes });
      expect(linesOf(await readAll(gzip, options))).toEqual(linesOf(whole));
      await expectResumable(gzip, await readAll(gzip, options), options);
    }),
    { numRuns: 150 },
  );
});

test('csv loses no byte of any garbage: every line is a record, a rejected row, or ends the run', async () => {
  const garbage = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'x'), maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(garbage, fc.integer({ min: 1, max: 9 }), async (text, readBytes) => {
      const path = files.write(`a,b\n${text}`, 'garbage');
      const source = csv(path, { readBytes });
      const whole = await readAll(source, { chunkSize: 2 });
      expect(await readAll(csv(path), { chunkSize: 2 })).toEqual(whole);
      expect([undefined, 'source-damaged']).toContain(codeOf(whole.error));
      const shipped = whole.chunks.flatMap(({ body, rejected = [] }) => [
        body.replaceAll(String.raw`\r`, '\r'),
        ...rejected.map(({ raw }) => raw),
      ]);
      const isWhole = whole.error === undefined;
      expect(isWhole ? countOfX(shipped.join('')) : countOfX(text)).toBe(countOfX(text));
      await expectResumable(source, whole, { chunkSize: 2 });
    }),
    { numRuns: 300 },
  );
});

test('csv gives every row but one of a file into which one quote has strayed', async () => {
  const plain = fc.string({ unit: fc.constantFrom('x', 'é', ' ', '.'), maxLength: 5 });
  const quoted = fc
    .string({ unit: fc.constantFrom('x', ',', '\n', '"', ' '), maxLength: 8 })
    .map((text) => `q${text}`);
  const dataset = fc.record({
    before: fc.array(fc.oneof(plain, quoted), { maxLength: 5 }),
    stray: plain,
    after: fc.array(fc.oneof(plain, quoted), { maxLength: 8 }),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    readBytes: fc.integer({ min: 1, max: 60 }),
  });
  await fc.assert(
    fc.asyncProperty(dataset, async ({ before, stray, after, lineEnd, readBytes }) => {
      // A file that seems to have line ends of both kinds would be refused.
      const texts = [...before, stray, ...after].map((text) =>
        lineEnd === '\r' ? text.replaceAll('\n', ' ') : text,
      );
      const lines = texts.map((text, i) => {
        if (i === before.length) return `${i},"${text}x`;
        return `${i},${text.startsWith('q') ? `"${text.replaceAll('"', '""')}"` : text}`;
      });
      const path = files.write(['i,text', ...lines, ''].join(lineEnd), 'stray');
      const source = csv(path, { readBytes });
      const whole = await readAll(source, { chunkSize: 3 });
      expect(whole.error).toBeUndefined();
      const expected = texts.map((text, i) => ({ i: String(i), text }));
      expected.splice(before.length, 1);
      expect(linesOf(whole).map((line) => JSON.parse(line) as unknown)).toEqual(expected);
      expect(whole.chunks.flatMap(({ rejected = [] }) => rejected)).toHaveLength(1);
      await expectResumable(source, whole, { chunkSize: 3 });
    }),
    { numRuns: 150 },
  );
});
