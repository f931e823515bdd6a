import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { expectBalance, expectSquares } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';

interface Square {
  readonly n: number;
  readonly square: number;
}

const COUNT = 3_000;
const all = Array.from({ length: COUNT }, (_, n) => ({ n }));
const asJson = Buffer.from(JSON.stringify(all));
const asNdjson = Buffer.from(all.map((each) => `${JSON.stringify(each)}\n`).join(''));
const asCsv = Buffer.from(['n', ...all.map(({ n }) => n), ''].join('\n'));

async function reportOf(site: DevSite): Promise<RunReport> {
  return JSON.parse(await readFile(join(site.dir, 'report.json'), 'utf8')) as RunReport;
}

test.each([
  { what: 'is not there', path: 'nowhere.ndjson', says: /There is no file nowhere\.ndjson in / },
  { what: 'is a directory', path: 'folder', says: /folder is a directory/ },
  { what: 'matches nothing', path: 'folder/*.ndjson', says: /No file matches folder\/\*\.ndjson/ },
])('a file that $what fails the run before anything is read', async ({ path, says }) => {
  await using site = await DevSite.create('unruly.ts');
  await mkdir(join(site.dir, 'folder'));
  const { code, stderr } = await site.dev({ format: 'ndjson', path }).ended;
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
  expect(stderr).not.toMatch(/\n\s+at |Warning/);
  expect(await reportOf(site)).toMatchObject({ state: 'failed', records: { in: 0 } });
});

test.each([
  { format: 'ndjson', content: '' },
  { format: 'json', content: '[]' },
  { format: 'csv', content: 'n\n' },
])('$content as $format is a run of no records', async ({ format, content }) => {
  await using site = await DevSite.create('unruly.ts');
  await writeFile(join(site.dir, 'empty'), content);
  const report = await site.run({ format, path: 'empty' });
  expect(report).toMatchObject({ state: 'completed', records: { in: 0, saved: 0 } });
  expectBalance(report);
});

interface Damage {
  readonly what: string;
  readonly format: string;
  readonly name: string;
  readonly damaged: Buffer;
  /** If the run is to go on with it: how it does so is the same for all. */
  readonly mended?: Buffer;
  /** Where and what is wrong. */
  readonly says: RegExp;
  /** How much of it is good. */
  readonly least: number;
}

const cutAt = (buffer: Buffer, share: number): Buffer =>
  buffer.subarray(0, Math.floor(buffer.length * share));
const DAMAGES: readonly Damage[] = [
  {
    what: 'JSON that is not an array',
    format: 'json',
    name: 'a.json',
    damaged: Buffer.from('{"n":0}'),
    says: /a\.json.*an array \("\["\).*byte 0/,
    least: 0,
  },
  {
    what: 'a truncated array',
    format: 'json',
    name: 'a.json',
    damaged: cutAt(asJson, 0.6),
    mended: asJson,
    says: /a\.json is cut short: it ends at byte \d+/,
    least: 1_500,
  },
  {
    what: 'an array without a comma',
    format: 'json',
    name: 'a.json',
    damaged: Buffer.from(asJson.toString().replace('{"n":1666},', '{"n":1666}')),
    says: /a\.json.*"," or "\]" after element 1666/,
    least: 1_667,
  },
  {
    what: 'a gzip file cut short',
    format: 'ndjson',
    name: 'a.ndjson.gz',
    damaged: cutAt(gzipSync(asNdjson), 0.7),
    mended: gzipSync(asNdjson),
    says: /a\.ndjson\.gz is cut short \(gzip: .*all before line \d+ is good/,
    least: 750,
  },
  {
    what: 'a CSV file with another delimiter',
    format: 'csv',
    name: 'a.csv',
    damaged: Buffer.from(asCsv.toString().replace('n\n', 'n;m\n')),
    says: /a\.csv has a header of one column with ";" in its name.* set delimiter to ";"/,
    least: 0,
  },
];

test.each(DAMAGES)(
  '$what fails the run with its position, and the run goes on when it is mended',
  async ({ format, name, damaged, mended, says, least }) => {
    await using site = await DevSite.create('unruly.ts');
    const file = join(site.dir, name);
    await writeFile(file, damaged);
    const { code, stderr } = await site.dev({ format, path: name }).ended;
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(says) });
    expect(stderr).not.toMatch(/\n\s+at |Warning/);
    const failed = await reportOf(site);
    expect(failed).toMatchObject({ state: 'failed', chunks: { inFlight: 0 } });
    expect(failed.records.saved).toBeGreaterThanOrEqual(least);
    expect(failed.records.dead).toBe(0);
    expectSquares(await site.exported<Square>(failed.run), failed.records.saved);
    expect(stderr).toContain(`--run ${failed.run}`);

    if (mended === undefined) return;
    await writeFile(file, mended);
    const report = await site.run({}, '--run', failed.run);
    expect(report).toMatchObject({ run: failed.run, state: 'completed' });
    expectBalance(report);
    expectSquares(await site.exported<Square>(report.run), COUNT);
    expect(await site.leat('verify', report.run)).toMatchObject({ code: 0 });
  },
);

test('an iterable that throws in the middle fails the run with its message, and it can go on', async () => {
  await using site = await DevSite.create('unruly.ts');
  const { code, stderr } = await site.dev({ count: 1_000, failAt: 700 }).ended;
  expect(code).toBe(1);
  expect(stderr).toContain('The source failed: the page 7 is gone');
  const failed = await reportOf(site);
  expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining('page 7') });
  expect(failed.records.saved).toBeGreaterThan(600);

  // Nothing is mended: it fails again, at the same place, and what is saved stays saved.
  expect(await site.dev({}, '--run', failed.run).ended).toMatchObject({ code: 1 });
  expect((await reportOf(site)).records).toEqual(failed.records);
  expectSquares(await site.exported<Square>(failed.run), failed.records.saved);
});
