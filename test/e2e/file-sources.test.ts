import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { expectBalance } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';

interface Line {
  readonly n: number;
  readonly text: string;
}

const SIZES = [500, 0, 1, 777];

/** The records of all files, each file's behind those of the one before. */
const files: readonly Line[][] = SIZES.map((size, at) => {
  const first = SIZES.slice(0, at).reduce((sum, each) => sum + each, 0);
  return Array.from({ length: size }, (_, n) => ({ n: first + n, text: `ä "${n}", ok` }));
});

const ndjson = (lines: readonly Line[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const json = (lines: readonly Line[]): string => JSON.stringify(lines, undefined, 2);
const csv = (lines: readonly Line[]): string =>
  ['n,text', ...lines.map(({ n, text }) => `${n},"${text.replaceAll('"', '""')}"`), ''].join(
    '\r\n',
  );

const paths = 'data/part-0,data/part-1,data/part-2,data/part-3';

test.each([
  { format: 'ndjson', ending: '.ndjson', encode: ndjson, paths: 'data/part-*.ndjson' },
  { format: 'ndjson', ending: '.ndjson.gz', encode: ndjson, paths: 'data/**/*.gz' },
  { format: 'csv', ending: '.csv', encode: csv, paths: 'data/*.csv' },
  { format: 'csv', ending: '', encode: csv, paths },
  { format: 'json', ending: '.json', encode: json, paths: 'data/part-*.json' },
  { format: 'json', ending: '', encode: json, paths },
])('reads $paths as $format', async ({ format, ending, encode, paths: given }) => {
  await using site = await DevSite.create('from-files.ts');
  await mkdir(join(site.dir, 'data'));
  for (const [at, lines] of files.entries()) {
    const text = encode(lines);
    const content = ending.endsWith('.gz') ? gzipSync(text) : text;
    await writeFile(join(site.dir, 'data', `part-${at}${ending}`), content);
  }
  const expected = files.flat().map(({ n, text }) => ({ n, text, square: n * n }));
  const report = await site.run({ format, paths: given });
  expect(report.records).toMatchObject({ in: expected.length, saved: expected.length });
  expectBalance(report);
  expect(await site.exported(report.run)).toEqual(expected);
});
