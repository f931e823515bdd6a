import { all, contextOf, newRun, sampleChunks } from '@leat/testing/contracts';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FORMATS } from '@leat/core';
import type { SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
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
  expect(lines.map((line) => line.split(' ')[0])).toEqual([
    'segment',
    '0',
    '1',
    'segment',
    '2',
    '3',
    '',
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
