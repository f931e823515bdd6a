import { all, contextOf, newRun, sampleChunks } from '@leat/testing/contracts';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FORMATS } from '@leat/core';
import type { SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseJournalEntry } from './ndjson-journal.ts';
import { ndjsonSink } from './ndjson-sink.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'leat-ndjson-journal-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const sessions: SinkSession[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

async function open(run: string): Promise<SinkSession> {
  const session = await ndjsonSink(dir).open(contextOf(run));
  sessions.push(session);
  return session;
}

const receiptsOf = (run: string): string => path.join(dir, run, 'receipts');
async function journalsOf(run: string): Promise<string[]> {
  const names = await readdir(receiptsOf(run));
  return names
    .filter((name) => name.endsWith('.txt'))
    .map((name) => path.join(receiptsOf(run), name));
}

test('a journal begins with the version of its format, once', async () => {
  const run = newRun();
  const session = await open(run);
  await session.commit(sampleChunks(2));
  await session.commit(sampleChunks(2, 2));
  const [journal = ''] = await journalsOf(run);
  const [heading, ...lines] = (await readFile(journal, 'utf8')).split('\n');
  expect(heading).toBe(`leat-journal ${FORMATS.journal}`);
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['0', '1', '2', '3', '']);
});

test('a journal without a version is read, with what was added to it since', async () => {
  const run = newRun();
  const chunks = sampleChunks(3);
  await (await open(run)).commit(chunks);
  const [journal = ''] = await journalsOf(run);
  const [, ...lines] = (await readFile(journal, 'utf8')).split('\n');
  await writeFile(journal, lines.slice(0, 1).join('\n') + '\n');
  const session = await open(run);
  expect(await all(session.receipts())).toHaveLength(1);
  await appendFile(journal, lines.slice(1).join('\n'));
  expect(await all(session.receipts())).toEqual(chunks.map(({ receipt }) => receipt));
  expect(await session.commit(chunks)).toMatchObject([
    { isDuplicate: true },
    { isDuplicate: true },
    { isDuplicate: true },
  ]);
});

test('beside a journal of a newer version nothing is answered that it may know better', async () => {
  const run = newRun();
  const session = await open(run);
  const chunks = sampleChunks(1);
  await session.commit(chunks);
  const newer = path.join(receiptsOf(run), 'host-1-abc-0.txt');
  const text = `leat-journal ${FORMATS.journal + 1}\nsomehow else\n`;
  await writeFile(newer, text);
  const refusal = { code: 'newer-version', message: expect.stringContaining(newer) as string };
  await expect(all(session.receipts())).rejects.toMatchObject(refusal);
  await expect((await open(run)).commit(chunks)).rejects.toMatchObject(refusal);
  expect(await readFile(newer, 'utf8')).toBe(text);
});

test.each([
  '0 1/0/0/0/0  1',
  '0 1/0/0/0/0 1:2',
  '0 1/0/0/0/0  1 x:2',
  'leat-journal 1',
  'leat-journal 1:2',
  '',
])('%j is no line of a journal', (line) => {
  expect(parseJournalEntry(line)).toBeUndefined();
});
