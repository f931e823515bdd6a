import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { deadLettersIn } from '../support/dead-letters.ts';
import { expectBalance } from '../support/deployment.ts';
import { DevSite, type Params } from '../support/dev.ts';

/** 100 records of which one, number 41, is something else. */
function hundred(bad: string | Buffer, line: (n: number) => string, header = ''): Buffer {
  const lines = Array.from({ length: 100 }, (_, n) => (n === 41 ? bad : line(n)));
  const parts = lines.map((each) => Buffer.concat([Buffer.from(each), Buffer.from('\n')]));
  return Buffer.concat([Buffer.from(header), ...parts]);
}

const json = (n: number): string => JSON.stringify({ n });

interface Case {
  readonly what: string;
  readonly pipeline?: string;
  readonly params?: Params;
  readonly input?: { readonly name: string; readonly content: Buffer };
  readonly stage: string;
  readonly position: string;
  readonly reason: RegExp;
  readonly record: RegExp;
  /** Fixed, unless the chunk is halved on the way. */
  readonly attempts?: number;
}

const ofFile = (format: string, path: string): Params => ({ format, path });
const lines = (content: Buffer): NonNullable<Case['input']> => ({ name: 'a.ndjson', content });
const ndjson = { params: ofFile('ndjson', 'a.ndjson'), stage: 'squares', attempts: 1 };
const inLine42 = { position: 'line 42 of a.ndjson' };
const thrown = { stage: 'squares', position: 'record 42 of records', record: /^\{"n":42\}$/ };

const CASES: readonly Case[] = [
  {
    what: 'a malformed line',
    ...ndjson,
    ...inLine42,
    input: lines(hundred('{"n": 41', json)),
    reason: /not JSON/,
    record: /^\{"n": 41$/,
  },
  {
    what: 'a record that does not fit the schema',
    ...ndjson,
    ...inLine42,
    input: lines(hundred('{"n":"many"}', json)),
    reason: /does not fit the schema: n: /,
    record: /many/,
  },
  {
    what: 'a line that is not UTF-8',
    ...ndjson,
    ...inLine42,
    input: lines(hundred(Buffer.from([0x22, 0xff, 0xfe, 0x22]), json)),
    reason: /not valid UTF-8/,
    record: /^"/,
  },
  {
    what: 'a malformed line that no mapper reads',
    ...inLine42,
    pipeline: 'unmapped',
    params: { path: 'a.ndjson' },
    stage: 'files',
    attempts: 1,
    input: lines(hundred('{"n": 41', json)),
    reason: /not JSON/,
    record: /^\{"n": 41$/,
  },
  {
    what: 'a CSV row with a column too many',
    params: ofFile('csv', 'a.csv'),
    stage: 'numbers',
    attempts: 1,
    input: { name: 'a.csv', content: hundred('41,oops', String, 'n\n') },
    position: 'line 43 of a.csv',
    reason: /expected 1 columns, found 2/,
    record: /^41,oops$/,
  },
  {
    what: 'an element that is malformed within itself',
    params: ofFile('json', 'a.json'),
    stage: 'squares',
    attempts: 1,
    input: {
      name: 'a.json',
      content: Buffer.from(
        `[${Array.from({ length: 100 }, (_, n) => (n === 41 ? '{"n":tru}' : json(n))).join(',')}]`,
      ),
    },
    position: 'element 41 of a.json',
    reason: /not JSON/,
    record: /^\{"n":tru\}$/,
  },
  {
    what: 'a mapper that throws',
    ...thrown,
    params: { mode: 'throw', at: 42 },
    reason: /^no square of 42 today$/,
    attempts: 2,
  },
  {
    what: 'a mapper that throws a string',
    ...thrown,
    params: { mode: 'throw-string', at: 42 },
    reason: /^just a string$/,
    attempts: 2,
  },
  {
    what: 'a mapper that returns nothing',
    ...thrown,
    params: { mode: 'undefined', at: 42 },
    reason: /does not fit the schema/,
    attempts: 1,
  },
  {
    what: 'a result that does not fit the schema',
    ...thrown,
    params: { mode: 'wrong-result', at: 42 },
    reason: /does not fit the schema: square: /,
    attempts: 1,
  },
  {
    what: 'one record that spoils a whole chunk',
    ...thrown,
    position: 'record 42 of generate',
    pipeline: 'unruly-chunks',
    reason: /^a chunk with 42 in it$/,
  },
];

test.each(CASES)('$what becomes a dead letter, its 99 neighbours are saved', async (each) => {
  const { pipeline = 'unruly', params = {}, input } = each;
  const attempts: unknown = each.attempts ?? expect.any(Number);
  await using site = await DevSite.create(`${pipeline}.ts`);
  if (input !== undefined) await writeFile(join(site.dir, input.name), input.content);
  const { code, stdout, stderr } = await site.dev(params).ended;
  expect({ code, stderr }).toMatchObject({ code: 3 });
  expect(stdout).toContain('completed-with-dead-letters');
  expect(stderr).not.toMatch(/\n\s+at |Warning/);

  const report = JSON.parse(await readFile(join(site.dir, 'report.json'), 'utf8')) as RunReport;
  expect(report.records).toMatchObject({ in: 100, saved: 99, dead: 1 });
  expectBalance(report);
  const bad = input === undefined ? 42 : 41;
  const saved = await site.exported<{ readonly n: number }>(report.run);
  expect(saved.map(({ n }) => n)).toEqual(
    Array.from({ length: 100 }, (_, n) => n).filter((n) => n !== bad),
  );

  const letters = await deadLettersIn(site.dir, pipeline);
  expect(letters).toMatchObject([
    {
      pipeline,
      run: report.run,
      stage: each.stage,
      position: each.position,
      attempts,
      error: { message: expect.stringMatching(each.reason) },
      record: expect.stringMatching(each.record),
    },
  ]);
});

test('being busy uses up no attempts', async () => {
  await using site = await DevSite.create('unruly.ts');
  const report = await site.run({ mode: 'busy' });
  expect(report.records).toMatchObject({ in: 100, saved: 100, dead: 0 });
});

test('what user code prints goes to standard error, and breaks nothing', async () => {
  await using site = await DevSite.create('unruly.ts');
  const { code, stdout, stderr } = await site.dev({ mode: 'talk' }).ended;
  expect(code).toBe(0);
  expect(stdout).not.toContain('user code says');
  expect(stderr).toContain('user code says 99\n');
});
