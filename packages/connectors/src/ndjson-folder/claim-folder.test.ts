import { all, contextOf, identityFor, newRun, sampleChunks } from '@leat/testing/contracts';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { formatReceipt, parseChunkId, parseSinkClaim } from '@leat/core';
import type { SinkChunk, SinkContext, SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ndjsonSink } from './ndjson-sink.ts';
import { segmentName } from './chunk-files/chunk-file-name.ts';
import { fileToken } from './link-once.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'leat-ndjson-claim-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const sessions: SinkSession[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

async function open(run: string, overrides: Partial<SinkContext> = {}): Promise<SinkSession> {
  const session = await ndjsonSink(dir).open(contextOf(run, overrides));
  sessions.push(session);
  return session;
}

const claimOf = (run: string): string => path.join(dir, run, 'receipts', '.claim');
const idsOf = async (session: SinkSession): Promise<string[]> =>
  (await all(session.receipts())).map(({ chunk }) => chunk);

test('a folder says whose it is, for the one who looks into it', async () => {
  const run = newRun();
  const { identity } = await open(run);
  const text = await readFile(claimOf(run), 'utf8');
  expect(parseSinkClaim(text)).toEqual({
    ...identityFor(run),
    layout: 2,
    saver: 'saver',
    sink: identity?.mark,
  });
  expect(identity?.place).toBe(`${path.join(dir, run)} on ${hostname()}`);
  // Nothing else is left of the claiming.
  expect(await readdir(path.join(dir, run, 'receipts'))).toEqual(['.claim']);
});

test('two folders have two marks, also those of one run', async () => {
  const run = newRun();
  const one = await open(run);
  const elsewhere = await mkdtemp(path.join(dir, 'elsewhere-'));
  const other = await ndjsonSink(elsewhere).open(contextOf(run));
  sessions.push(other);
  expect(one.identity?.mark).not.toBe(other.identity?.mark);
  expect((await open(newRun())).identity?.mark).not.toBe(one.identity?.mark);
});

test.each([undefined, null, '', 'a\0b', 7])(
  'the folder %j is refused when the sink is defined',
  (folder) => {
    expect(() => ndjsonSink(folder as never)).toThrow(
      expect.objectContaining({
        code: 'sink-unfit',
        message: expect.stringMatching(/expected dir to be the path of a directory, got/),
      }),
    );
  },
);

test('who only reads claims nothing', async () => {
  const run = newRun();
  const { fence: _, ...reading } = contextOf(run);
  const reader = await ndjsonSink(dir).open(reading);
  sessions.push(reader);
  await expect(readdir(path.join(dir, run))).rejects.toMatchObject({ code: 'ENOENT' });
  const other = { identity: identityFor(run, { born: '00000000000b2' }) };
  await (await open(run, other)).commit(sampleChunks(1));
  await expect(ndjsonSink(dir).open(reading)).rejects.toMatchObject({ code: 'sink-taken' });
});

test.each([
  ['', 'sink-taken'],
  ['{"v":1', 'sink-taken'],
  ['{"v":2}', 'newer-version'],
])('the claim %j is not written over', async (text, code) => {
  const run = newRun();
  await open(run);
  // Nobody knows whose a folder is with an empty claim: as if it had none, and something in it.
  await writeFile(claimOf(run), text);
  await expect(open(run)).rejects.toMatchObject({ code });
  if (text !== '') await expect(open(run, { isRecovered: true })).rejects.toMatchObject({ code });
  expect(await readFile(claimOf(run), 'utf8')).toBe(text);
});

test('a folder of a newer layout is left alone', async () => {
  const run = newRun();
  await open(run);
  const text = (await readFile(claimOf(run), 'utf8')).replace('"layout":2', '"layout":3');
  await writeFile(claimOf(run), text);
  await expect(open(run)).rejects.toMatchObject({ code: 'newer-version' });
  await expect(open(run, { isRecovered: true })).rejects.toMatchObject({ code: 'newer-version' });
  expect(await readFile(claimOf(run), 'utf8')).toBe(text);
});

test('a folder with segments keeps its layout when an earlier version has written its claim anew', async () => {
  const run = newRun();
  await (await open(run)).commit(sampleChunks(2));
  const text = (await readFile(claimOf(run), 'utf8')).replace('"layout":2,', '');
  await writeFile(claimOf(run), text);
  expect(await (await open(run)).commit(sampleChunks(3))).toMatchObject([
    { isDuplicate: true },
    { isDuplicate: true },
    { isDuplicate: false },
  ]);
  expect((await readdir(path.join(dir, run))).filter((name) => name.endsWith('.ndjson'))).toEqual([
    'segment-000000000.ndjson',
    'segment-000000001.ndjson',
  ]);
});

test('an earlier version finds a file where it makes its folder for temporary files', async () => {
  const run = newRun();
  await mkdir(path.join(dir, run, '.tmp', '7'), { recursive: true });
  await open(run);
  expect((await stat(path.join(dir, run, '.tmp'))).isFile()).toBe(true);
});

test('a claim that cannot be read is no reason to take the folder', async (context) => {
  if (process.getuid?.() === 0) context.skip('SKIPPED: root may read everything');
  const run = newRun();
  await open(run);
  await chmod(claimOf(run), 0o000);
  await expect(open(run)).rejects.toMatchObject({ code: 'sink-unfit' });
});

describe('a folder of an earlier version', () => {
  const legacy = (run: string): Partial<SinkContext> => ({
    identity: identityFor(run, { born: '' }),
  });
  const recovered = { isRecovered: true };

  /** What the version before birth marks and claims had made, with these chunks. */
  const earlier = async (
    chunks: readonly SinkChunk[],
    owner: string | undefined = 'saver',
    lineOf: (line: string) => string = (line) => line,
  ): Promise<string> => {
    const run = newRun();
    const segments = path.join(dir, run);
    const receipts = path.join(segments, 'receipts');
    await mkdir(receipts, { recursive: true });
    if (owner !== '') await writeFile(path.join(receipts, '.saver'), owner);
    let journal = '';
    for (const { receipt, body } of chunks) {
      const id = parseChunkId(receipt.chunk);
      if (id === undefined) throw new Error(`${receipt.chunk} is no chunk id`);
      const file = path.join(segments, segmentName(id));
      await writeFile(file, body);
      const token = fileToken(await stat(file, { bigint: true }));
      journal += `${lineOf(`${formatReceipt(receipt)} ${token}`)}\n`;
    }
    if (journal !== '') await writeFile(path.join(receipts, 'host-1-abc-0.txt'), journal);
    return run;
  };

  test('is taken over by the run of that time, with all that it holds', async () => {
    const chunks = sampleChunks(3);
    const run = await earlier(chunks);
    const session = await open(run, legacy(run));
    expect(await all(session.receipts())).toEqual(chunks.map(({ receipt }) => receipt));
    expect(await session.commit(sampleChunks(4))).toMatchObject([
      { isDuplicate: true },
      { isDuplicate: true },
      { isDuplicate: true },
      { isDuplicate: false },
    ]);
    const again = await open(run, legacy(run));
    expect(again.identity).toEqual(session.identity);
    expect(await idsOf(again)).toEqual(['0', '1', '2', '3']);
    // From now on it is that run's.
    await expect(open(run)).rejects.toThrow(/has another run .* --recover/);
  });

  test('may be of the first version, whose receipts had no fence', async () => {
    const chunks = sampleChunks(2);
    const run = await earlier(chunks, 'saver', (line) => line.replace(/ 1 (?=\d+:)/, ' '));
    const expected = chunks.map(({ receipt }) => ({ ...receipt, fence: 0 }));
    const session = await open(run, legacy(run));
    expect(await all(session.receipts())).toEqual(expected);
    expect(await session.commit(chunks)).toEqual(
      expected.map((receipt) => ({ receipt, isDuplicate: true })),
    );
  });

  test('is refused to a new run, and stays as it was', async () => {
    const run = await earlier(sampleChunks(2));
    for (const context of [{}, { fence: 99 }]) {
      const opened = open(run, context);
      await expect(opened).rejects.toMatchObject({ code: 'sink-taken' });
      await expect(opened).rejects.toThrow(/earlier version of Leat wrote it.* --recover/);
    }
    expect(await readdir(path.join(dir, run, 'receipts'))).toEqual(['.saver', 'host-1-abc-0.txt']);
    expect(await idsOf(await open(run, legacy(run)))).toEqual(['0', '1']);
  });

  test('goes on for a run that is recovered', async () => {
    const run = await earlier(sampleChunks(2));
    const session = await open(run, recovered);
    expect(await idsOf(session)).toEqual(['0', '1']);
    expect(await session.commit(sampleChunks(1))).toMatchObject([{ isDuplicate: true }]);
    expect(await idsOf(await open(run))).toEqual(['0', '1']);
    await expect(open(run, legacy(run))).rejects.toMatchObject({ code: 'sink-taken' });
  });

  test('belongs to the saver that it names', async () => {
    const run = await earlier(sampleChunks(2), 'other');
    for (const context of [{}, legacy(run), recovered]) {
      const opened = open(run, context);
      await expect(opened).rejects.toMatchObject({ code: 'sink-unfit' });
      await expect(opened).rejects.toThrow('belongs to the saver "other"');
    }
    expect(await idsOf(await open(run, { ...legacy(run), stage: 'other' }))).toEqual(['0', '1']);
  });

  test.each<[string, readonly SinkChunk[], string]>([
    ['a saver and no chunks', [], 'saver'],
    ['chunks and no saver', sampleChunks(2), ''],
  ])('with %s is one, too', async (_, chunks, owner) => {
    const run = await earlier(chunks, owner);
    await expect(open(run)).rejects.toMatchObject({ code: 'sink-taken' });
    expect(await idsOf(await open(run, legacy(run)))).toHaveLength(chunks.length);
  });

  test('with neither a saver nor chunks is anybody’s', async () => {
    const run = await earlier([], '');
    expect(await (await open(run)).commit(sampleChunks(1))).toMatchObject([{ isDuplicate: false }]);
  });

  test('is shown to readers of the run of that time, and stays unclaimed', async () => {
    const run = await earlier(sampleChunks(2));
    const { fence: _, ...reading } = contextOf(run, legacy(run));
    const reader = await ndjsonSink(dir).open(reading);
    sessions.push(reader);
    expect(await idsOf(reader)).toEqual(['0', '1']);
    expect(await readdir(path.join(dir, run, 'receipts'))).not.toContain('.claim');
  });
});
