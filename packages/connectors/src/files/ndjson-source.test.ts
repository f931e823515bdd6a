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
import { ndjsonSource } from './ndjson-source.ts';
import { TemporaryFiles } from './temporary-files.testsuite.ts';

const files = new TemporaryFiles();
const numbered = (count: number): string =>
  Array.from({ length: count }, (_, i) => `{"i":${i},"s":"né"}\n`).join('');

sourceContract('ndjson', {
  make: () =>
    ndjsonSource([files.write(numbered(25), 'a.ndjson'), files.write(numbered(6), 'b.ndjson')]),
  openFiles: files.openFiles,
});
sourceContract('ndjson of gzip', {
  make: () => ndjsonSource(files.write(gzipSync(numbered(25)), 'c.ndjson.gz')),
  openFiles: files.openFiles,
});

describe('ndjson', () => {
  test.each([
    { title: 'an empty file', content: '', lines: [], numbers: [] },
    { title: 'blank lines only', content: '\n \t\r\n\n', lines: [], numbers: [] },
    { title: 'a byte order mark only', content: '\uFEFF', lines: [], numbers: [] },
    { title: 'no line break at the end', content: '1\n2', lines: ['1', '2'], numbers: [1, 2] },
    { title: 'blanks at the end', content: '1\n  ', lines: ['1'], numbers: [1] },
    { title: 'blank lines', content: '\n1\n\n \n2\n', lines: ['1', '2'], numbers: [2, 5] },
    {
      title: 'carriage returns',
      content: '1\r\n\r\n2\r\n',
      lines: ['1\r', '2\r'],
      numbers: [1, 3],
    },
    { title: 'a byte order mark', content: '\uFEFF1\n2\n', lines: ['1', '2'], numbers: [1, 2] },
    { title: 'what is not JSON', content: '{oops\n1\n', lines: ['{oops', '1'], numbers: [1, 2] },
  ])('reads $title', async ({ content, lines, numbers }) => {
    const contents = [content, gzipSync(content)];
    for (const path of contents.map((bytes) => files.write(bytes))) {
      for (const readBytes of [1, 2, 100]) {
        const outcome = await readAll(ndjsonSource(path, { readBytes }));
        expect(outcome.error).toBeUndefined();
        expect(linesOf(outcome)).toEqual(lines);
        expect(numbersOf(outcome)).toEqual(numbers);
      }
    }
  });

  test.each([1, 100])(
    'refuses carriage returns as line ends, reading %i bytes',
    async (readBytes) => {
      const source = ndjsonSource(files.write('{"a":1}\r{"a":2}\r'), { readBytes });
      const { chunks, error } = await readAll(source);
      expect(chunks).toEqual([]);
      expect(error).toMatchObject({
        code: 'source-damaged',
        message: expect.stringMatching(/carriage returns and no line feed.* convert its line ends/),
      });
      const one = await readAll(ndjsonSource(files.write('{"a":1,\r"b":2}\r'), { readBytes }));
      expect(linesOf(one)).toEqual(['{"a":1,\r"b":2}\r']);
    },
  );

  test('says where a chunk begins, file by file', async () => {
    const paths = [files.write('1\n2\n3\n', 'x.ndjson'), files.write('4\n', 'y.ndjson')];
    const { chunks } = await readAll(ndjsonSource(paths), { chunkSize: 2 });
    expect(chunks.map(({ position }) => position)).toEqual([
      { source: paths[0], unit: 'line', first: 1 },
      { source: paths[0], unit: 'line', first: 3 },
      { source: paths[1], unit: 'line', first: 1 },
    ]);
    expect(chunks[1]?.nextCursor).toEqual({
      file: 0,
      files: 2,
      name: paths[0],
      bytes: 6,
      at: 6,
      next: 4,
    });
  });

  test('ships a chunk within one read without copying it', async () => {
    const bodies: Uint8Array[] = [];
    const source = ndjsonSource(files.write('1\n2\n3\n4\n'));
    const limits = { chunkSize: 2, maxBytes: 100, cursor: null };
    const run = { id: 'r', pipeline: 'p', params: {} };
    const { signal } = new AbortController();
    for await (const { body } of source.chunks({ ...limits, run, signal })) bodies.push(body);
    expect(new Set(bodies.map(({ buffer }) => buffer)).size).toBe(1);
  });

  test('makes a line above maxBytes a chunk of its own', async () => {
    const long = `"${'x'.repeat(100)}"`;
    const path = files.write(`1\n${long}\n2\n`);
    const { chunks } = await readAll(ndjsonSource(path, { readBytes: 7 }), { maxBytes: 10 });
    expect(chunks.map(({ body }) => body)).toEqual(['1\n', `${long}\n`, '2\n']);
  });

  test.each([1, 3, 1000])(
    'refuses a line that is too long, reading %i bytes',
    async (readBytes) => {
      const source = ndjsonSource(files.write('1\n2\n12345678901\n3\n'), {
        maxRecordBytes: 10,
        readBytes,
      });
      const outcome = await readAll(source);
      expect(linesOf(outcome)).toEqual(['1', '2']);
      expect(outcome.error).toMatchObject({
        code: 'source-damaged',
        message: expect.stringMatching(/^Line 3 of .* is longer than 10 bytes/),
      });
      await expectResumable(source, outcome, {});
    },
  );

  test('takes a line that is as long as it may be', async () => {
    const source = ndjsonSource(files.write('1234567890\n1234567890'), {
      maxRecordBytes: 10,
      readBytes: 4,
    });
    expect(linesOf(await readAll(source))).toEqual(['1234567890', '1234567890']);
  });

  test('refuses UTF-16', async () => {
    const source = ndjsonSource(files.write(Buffer.from('\uFEFF1\n', 'utf16le')));
    expect((await readAll(source)).error).toMatchObject({
      code: 'source-damaged',
      message: expect.stringContaining('UTF-16'),
    });
  });
});

describe('ndjson of gzip', () => {
  const large = Array.from({ length: 50_000 }, (_, i) => `{"i":${i},"r":${Math.sin(i)}}\n`).join(
    '',
  );

  test('reads several members', async () => {
    const path = files.write(Buffer.concat([gzipSync('1\n2'), gzipSync('3\n4\n')]));
    expect(linesOf(await readAll(ndjsonSource(path)))).toEqual(['1', '23', '4']);
  });

  test('yields what is good before the place where a file is cut short', async () => {
    const whole = gzipSync(large);
    const source = ndjsonSource(files.write(whole.subarray(0, whole.length >> 1)));
    const outcome = await readAll(source, { chunkSize: 10_000 });
    const lines = linesOf(outcome);
    expect(lines.length).toBeGreaterThan(20_000);
    expect(large.startsWith(lines.map((line) => `${line}\n`).join(''))).toBe(true);
    expect(outcome.error).toMatchObject({
      code: 'source-damaged',
      message: expect.stringContaining(`all before line ${lines.length + 1} is good.`),
    });
    await expectResumable(source, outcome, { chunkSize: 10_000 });
  });

  test('refuses what is corrupt', async () => {
    const bytes = gzipSync(large);
    bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 200);
    const outcome = await readAll(ndjsonSource(files.write(bytes)), { chunkSize: 1000 });
    expect(outcome.error).toMatchObject({
      code: 'source-damaged',
      message: expect.stringMatching(/is corrupt \(gzip: .*before line \d+ may be damaged/),
    });
    expect(outcome.chunks.length).toBeGreaterThan(5);
  });

  test('takes zeros behind the last member as padding, and refuses what follows them', async () => {
    for (const zeros of [1, 100_000]) {
      const padded = Buffer.concat([gzipSync('100\n'), Buffer.alloc(zeros)]);
      expect(linesOf(await readAll(ndjsonSource(files.write(padded))))).toEqual(['100']);
      const source = ndjsonSource(files.write(Buffer.concat([padded, gzipSync('2\n')])));
      const outcome = await readAll(source);
      expect(linesOf(outcome)).toEqual(['100']);
      expect(outcome.error).toMatchObject({
        code: 'source-damaged',
        message: expect.stringContaining('something follows the padding'),
      });
      await expectResumable(source, outcome, {});
    }
  });

  test('refuses a file that is only named .gz', async () => {
    const { error } = await readAll(ndjsonSource(files.write('1\n', 'not.gz')));
    expect(error).toMatchObject({ code: 'source-damaged' });
  });

  test('takes an empty file that is named .gz', async () => {
    expect(await readAll(ndjsonSource(files.write('', 'empty.gz')))).toEqual({
      chunks: [],
      error: undefined,
    });
  });
});

test('ndjson ships any dataset, however it is read and cut, and goes on from anywhere', async () => {
  const line = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.constantFrom('', ' ', '\t\r', '{broken', '"é€😀"'),
  );
  const dataset = fc.record({
    lines: fc.array(line, { maxLength: 30 }),
    end: fc.constantFrom('', '\n'),
    bom: fc.constantFrom('', '\uFEFF'),
  });
  const limits = fc.record({
    chunkSize: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 80 }),
    readBytes: fc.integer({ min: 1, max: 64 }),
  });
  await fc.assert(
    fc.asyncProperty(dataset, limits, async ({ lines, end, bom }, { readBytes, ...options }) => {
      const text = bom + lines.join('\n') + end;
      const path = files.write(text, 'property');
      const source = ndjsonSource(path, { readBytes });
      const whole = await readAll(source, options);
      const expected = lines.flatMap((content, i) =>
        content.trim() === '' ? [] : [{ content, i }],
      );
      expect(whole.error).toBeUndefined();
      expect(linesOf(whole)).toEqual(expected.map(({ content }) => content));
      expect(numbersOf(whole)).toEqual(expected.map(({ i }) => i + 1));
      expectSound(whole, options.chunkSize, options.maxBytes);
      await expectResumable(source, whole, options);
      // Other reads, and gzip, make no difference to what is cut where.
      const gzip = ndjsonSource(files.write(gzipSync(text), 'property.gz'), { readBytes });
      const unnamed = ({ chunks }: typeof whole): unknown =>
        chunks.map((chunk) => ({ ...chunk, nextCursor: null, position: chunk.position.first }));
      expect(await readAll(ndjsonSource(path), options)).toEqual(whole);
      expect(unnamed(await readAll(gzip, options))).toEqual(unnamed(whole));
    }),
    { numRuns: 150 },
  );
});
