import {
  all,
  chunkOf,
  claimContract,
  contextOf,
  fenceContract,
  newRun,
  recordsOf,
  sampleChunks,
  sinkContract,
} from '@leat/testing/contracts';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { formatReceipt, formatSinkClaim, parseSinkClaim } from '@leat/core';
import type { Sink, SinkContext, SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ndjsonSink } from '../ndjson-sink.ts';
import { parseJournalEntry } from './journal-entry.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'leat-ndjson-files-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }), 60_000);

/** Begins a run's folder as the version of Leat before segments did. */
async function begin({ identity, stage, fence }: SinkContext): Promise<void> {
  if (fence === undefined) return;
  const receipts = path.join(dir, identity.run, 'receipts');
  const claim = formatSinkClaim({ ...identity, saver: stage, sink: 'mark-of-that-time' });
  await mkdir(receipts, { recursive: true });
  await writeFile(path.join(receipts, '.claim'), claim, { flag: 'wx' }).catch(() => undefined);
}

const sink: Sink = {
  kind: 'ndjson',
  open: async (context) => {
    await begin(context);
    return ndjsonSink(dir).open(context);
  },
};
const sessions: SinkSession[] = [];
const open = async (run: string): Promise<SinkSession> => {
  const session = await sink.open(contextOf(run));
  sessions.push(session);
  return session;
};
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

describe('a folder with a file for each chunk', () => {
  sinkContract('ndjson', () => ({ sink }));
  fenceContract('ndjson', () => ({ sink }));
  claimContract('ndjson', () => ({ sink }));

  test('stays one, as savers of that version write it', async () => {
    const run = newRun();
    const chunks = ['0', '9', '42.0-2', '42.1-2'].map((id, n) =>
      chunkOf(id, [{ id: n, text: id }]),
    );
    await (await open(run)).commit(chunks);
    const names = await readdir(path.join(dir, run));
    expect(names.filter((name) => name.endsWith('.ndjson'))).toEqual([
      '000000000.ndjson',
      '000000009.ndjson',
      '000000042.0-2.ndjson',
      '000000042.1-2.ndjson',
    ]);
    expect(await readFile(await journalOf(run), 'utf8')).toMatch(/^leat-journal 1\n0 /);
    const claim = await readFile(path.join(dir, run, 'receipts', '.claim'), 'utf8');
    expect(parseSinkClaim(claim)?.sink).toBe('mark-of-that-time');
    const read = await all((await open(run)).read());
    expect(read.flatMap((stored) => recordsOf(stored))).toEqual(chunks.flatMap(recordsOf));
  });

  test('may have a journal without a version, which is read with what was added to it since', async () => {
    const run = newRun();
    const chunks = sampleChunks(3);
    await (await open(run)).commit(chunks);
    const journal = await journalOf(run);
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

  test('tells the first receipt apart by content after the files were copied', async () => {
    const run = newRun();
    const [one, two] = [chunkOf('5', [{ id: 1, text: 'a' }]), chunkOf('5', [{ id: 2, text: 'b' }])];
    await (await open(run)).commit([one]);
    const foreign = (chunk: typeof one): string => `${formatReceipt(chunk.receipt)} 1:1\n`;
    await writeFile(await journalOf(run), foreign(two) + foreign(one));
    const session = await open(run);
    expect(await session.commit([two])).toEqual([{ receipt: one.receipt, isDuplicate: true }]);
    expect(await all(session.receipts())).toEqual([one.receipt]);
  });

  test('restores a lost receipt from a chunk with the same bytes, and only then', async () => {
    const run = newRun();
    const [same, other] = [
      chunkOf('5', [{ id: 1, text: 'a' }]),
      chunkOf('5', [{ id: 2, text: 'b' }]),
    ];
    await (await open(run)).commit([same]);
    await rm(await journalOf(run));
    const session = await open(run);
    expect(await all(session.receipts())).toEqual([]);
    await expect(session.commit([other])).rejects.toThrow('has no receipt');
    expect(await session.commit([same])).toEqual([{ receipt: same.receipt, isDuplicate: true }]);
    expect(await all((await open(run)).receipts())).toEqual([same.receipt]);
  });
});

async function journalOf(run: string): Promise<string> {
  const receipts = path.join(dir, run, 'receipts');
  const journal = (await readdir(receipts)).find((name) => name.endsWith('.txt'));
  return path.join(receipts, journal ?? 'none');
}

test.each([
  '0 1/0/0/0/0  1',
  '0 1/0/0/0/0 1:2',
  '0 1/0/0/0/0  1 x:2',
  'leat-journal 1',
  'leat-journal 1:2',
  'segment 1 a:0 1:2 3',
  '',
])('%j is no line of a journal', (line) => {
  expect(parseJournalEntry(line)).toBeUndefined();
});
