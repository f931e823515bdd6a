import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Receipt, type RunIdentity, newRunId } from '@leat/core';
import type { Sink, SinkChunk, SinkContext, SinkSession, StoredChunk } from '@leat/sdk';
import { chunkDigest } from '@leat/sdk';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

const sampleSchema = z.object({ id: z.int(), text: z.string() });

/** How another process opens a sink: by calling what a module exports. */
export interface SinkInChild {
  /** What to import: the name of a package, or a `file:` URL. */
  readonly module: string;
  /** The export that makes the sink. */
  readonly name: string;
  /** What it is called with: values that JSON can hold. */
  readonly options: readonly unknown[];
}

/** A sink as the suite opens it. */
export interface SinkUnderTest {
  readonly sink: Sink;
  /** How another process opens the same; absent if it cannot. */
  readonly inChild?: SinkInChild;
}

export const sinkChild: string = fileURLToPath(new URL('sink-child.js', import.meta.url));
const execute = promisify(execFile);

export function newRun(): string {
  return newRunId(new Date().toISOString(), Math.random());
}

/** What tells a run from others with its id. */
export function identityFor(run: string, changes: Partial<RunIdentity> = {}): RunIdentity {
  return {
    pipeline: 'test',
    run,
    born: '00000000000b1',
    createdAt: '2026-11-27T00:00:00.000Z',
    graph: 'numbers numbers>saver',
    limits: { chunkSize: 100, maxBytes: 524_288 },
    params: {},
    ...changes,
  };
}

export function contextOf(run: string, overrides: Partial<SinkContext> = {}): SinkContext {
  const logger = { warn: () => undefined } as unknown as SinkContext['logger'];
  const info = { id: run, pipeline: 'test', params: {} };
  const identity = identityFor(run);
  const common = { run: info, identity, isRecovered: false, stage: 'saver', schema: sampleSchema };
  return { ...common, fence: 1, logger, ...overrides };
}

export function chunkOf(
  chunk: string,
  records: readonly unknown[],
  counts: Partial<Receipt['counts']> = {},
): SinkChunk {
  const body = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const digest = records.length === 0 ? '' : chunkDigest(chunk, body);
  const base = { in: records.length, expanded: 0, filtered: 0, dead: 0, retries: 0 };
  const receipt = { chunk, counts: { ...base, ...counts }, digest, fence: 1, buried: [] };
  return { receipt, body };
}

/** `count` chunks of three records each. */
export function sampleChunks(count: number, first = 0): SinkChunk[] {
  return Array.from({ length: count }, (_, at) => {
    const seq = first + at;
    const records = [0, 1, 2].map((n) => ({ id: seq * 3 + n, text: `record ${n} of ${seq}` }));
    return chunkOf(String(seq), records);
  });
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export function recordsOf(chunk: Pick<StoredChunk, 'body'>): unknown[] {
  const lines = Buffer.from(chunk.body).toString().split('\n').slice(0, -1);
  return lines.map((line): unknown => JSON.parse(line));
}

/** Runs a process that commits `chunks`; resolves to how many were no duplicates. */
export async function commitInChild(
  inChild: SinkUnderTest['inChild'],
  run: string,
  chunks: readonly SinkChunk[],
): Promise<number> {
  const dir = await mkdtemp(path.join(tmpdir(), 'leat-child-'));
  try {
    const file = await writeChunks(dir, chunks);
    const identity = identityFor(run);
    const task = { sink: inChild, identity, file, together: 7, lanes: 3, rounds: 1 };
    const { stdout } = await execute(process.execPath, [sinkChild, JSON.stringify(task)]);
    return Number(stdout);
  } finally {
    await rm(dir, { recursive: true });
  }
}

export async function writeChunks(dir: string, chunks: readonly SinkChunk[]): Promise<string> {
  const file = path.join(dir, 'chunks.json');
  const plain = chunks.map(({ receipt, body }) => ({
    receipt,
    body: Buffer.from(body).toString(),
  }));
  await writeFile(file, JSON.stringify(plain));
  return file;
}

/** What every sink must do; see the contract `SinkSession`. */
export function sinkContract(name: string, setup: () => SinkUnderTest): void {
  describe(`${name} as a sink`, () => {
    const sessions: SinkSession[] = [];
    const open = async (run: string): Promise<SinkSession> => {
      const session = await setup().sink.open(contextOf(run));
      sessions.push(session);
      return session;
    };
    const expectExactly = async (run: string, chunks: readonly SinkChunk[]): Promise<void> => {
      const session = await open(run);
      expect(await all(session.receipts())).toEqual(chunks.map(({ receipt }) => receipt));
      const stored = await all(session.read());
      expect(stored.map((one) => [one.chunk, one.records, recordsOf(one)])).toEqual(
        chunks.map((chunk) => [chunk.receipt.chunk, recordsOf(chunk).length, recordsOf(chunk)]),
      );
      for (const [at, one] of stored.entries()) {
        if (one.isVerbatim) expect(Buffer.compare(one.body, chunks[at]?.body ?? one.body)).toBe(0);
      }
    };

    afterEach(async () => {
      for (const session of sessions.splice(0)) await session.close();
    });

    test('commits each chunk with its receipt', async () => {
      const run = newRun();
      const chunks = sampleChunks(20);
      const session = await open(run);
      const committed = await session.commit(chunks);
      expect(committed).toEqual(chunks.map(({ receipt }) => ({ receipt, isDuplicate: false })));
      await expectExactly(run, chunks);
    });

    test('commits nothing when given nothing', async () => {
      const run = newRun();
      expect(await (await open(run)).commit([])).toEqual([]);
      await expectExactly(run, []);
    });

    test('takes a chunk that is given twice in one call once', async () => {
      const run = newRun();
      const session = await open(run);
      const [first] = sampleChunks(1);
      if (first === undefined) throw new Error('no chunk');
      const other = chunkOf('0', [{ id: 9, text: 'other' }], { retries: 5 });
      const committed = await session.commit([first, first, other]);
      expect(committed.map(({ isDuplicate }) => isDuplicate)).toEqual([false, true, true]);
      expect(committed.map(({ receipt }) => receipt)).toEqual(Array(3).fill(first.receipt));
      await expectExactly(run, [first]);
    });

    test('reports a duplicate with the receipt of the first commit', async () => {
      const run = newRun();
      const first = chunkOf('7', [{ id: 1, text: 'a' }], { in: 2, filtered: 1 });
      const sameBytes = chunkOf('7', [{ id: 1, text: 'a' }], { in: 2, dead: 1, retries: 1 });
      const otherBytes = chunkOf('7', [{ id: 2, text: 'b' }]);
      const [one, two] = [await open(run), await open(run)];
      await one.commit([first]);
      const known = { receipt: first.receipt, isDuplicate: true };
      expect(await one.commit([sameBytes, otherBytes])).toEqual([known, known]);
      expect(await two.commit([otherBytes, sameBytes])).toEqual([known, known]);
      expect(await (await open(run)).commit([sameBytes])).toEqual([known]);
      await expectExactly(run, [first]);
    });

    test('commits each chunk once however many sessions try at the same time', async () => {
      const run = newRun();
      const chunks = sampleChunks(60);
      const three = [await open(run), await open(run), await open(run)];
      const tries = three.flatMap((session, nth) => [
        session.commit(chunks.slice(nth * 10, nth * 10 + 40)),
        session.commit(chunks.slice(20, 60).toReversed()),
        session.commit(chunks.slice(0, 30)),
      ]);
      const committed = (await Promise.all(tries)).flat();
      expect(committed.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(60);
      await expectExactly(run, chunks);
    });

    test('gives one receipt to all who committed the same chunk with different books', async () => {
      const run = newRun();
      const sessions4 = await Promise.all([open(run), open(run), open(run), open(run)]);
      const versions = sessions4.map((_, retries) =>
        Array.from({ length: 20 }, (__, seq) =>
          chunkOf(`${seq}`, [{ id: 1, text: 'a' }], { retries }),
        ),
      );
      const answers = await Promise.all(
        sessions4.map((session, nth) => session.commit(versions[nth] ?? [])),
      );
      const [receipts] = answers.map((answer) => answer.map(({ receipt }) => receipt));
      for (const answer of answers) expect(answer.map(({ receipt }) => receipt)).toEqual(receipts);
      expect(answers.flat().filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(20);
      expect(await all((await open(run)).receipts())).toEqual(receipts);
    });

    test('commits once from processes that run together', async (context) => {
      const { inChild } = setup();
      if (inChild === undefined) context.skip('only one process can have it open');
      const run = newRun();
      const chunks = sampleChunks(300);
      const committed = await Promise.all([
        commitInChild(inChild, run, chunks.slice(0, 250)),
        commitInChild(inChild, run, chunks.slice(50)),
        commitInChild(inChild, run, chunks.slice(50).toReversed()),
      ]);
      expect(committed.reduce((sum, count) => sum + count, 0)).toBe(300);
      await expectExactly(run, chunks);
    });

    test('reads in dataset order, children in the order of the graph', async () => {
      const run = newRun();
      const ids = [
        '0.2-12',
        '0.10-12',
        '2',
        '10',
        '11.0-2',
        '11.1-2.0-3',
        '11.1-2.2-3',
        '11.1-2~1-9',
        '11~1-17',
        '11~1-17-2',
        '11~1-17-2.0-2',
        '11~2-3',
        '1234567890',
      ];
      const chunks = ids.map((id, n) => chunkOf(id, [{ id: n, text: id }]));
      const session = await open(run);
      expect(await session.commit(chunks.toReversed())).toHaveLength(ids.length);
      await expectExactly(run, chunks);
    });

    test('keeps the receipt of a chunk that has nothing left to save', async () => {
      const run = newRun();
      const chunks = [
        chunkOf('0', [], { in: 100, filtered: 100 }),
        chunkOf('1', [{ id: 1, text: 'x' }]),
        chunkOf('2', [], { in: 5, dead: 5 }),
      ];
      const session = await open(run);
      await session.commit(chunks);
      expect(await session.commit(chunks)).toEqual(
        chunks.map(({ receipt }) => ({ receipt, isDuplicate: true })),
      );
      await expectExactly(run, chunks);
    });

    test('keeps every character', async () => {
      const run = newRun();
      const texts = [
        'Zoë 北京 😀',
        '\u2028\u2029\u007f',
        '"\\/\b\f\n\r\t',
        "it's $1 %s \\n",
        '',
        ' x ',
      ];
      const chunk = chunkOf(
        '0',
        texts.map((text, id) => ({ id, text })),
      );
      expect(await (await open(run)).commit([chunk])).toHaveLength(1);
      await expectExactly(run, [chunk]);
    });

    test('keeps runs apart', async () => {
      const [run, other] = [newRun(), newRun()];
      const chunks = sampleChunks(2);
      await (await open(run)).commit(chunks);
      expect((await (await open(other)).commit(chunks.slice(1)))[0]?.isDuplicate).toBe(false);
      await expectExactly(run, chunks);
      await expectExactly(other, chunks.slice(1));
    });

    test('refuses what is no chunk id', async () => {
      const session = await open(newRun());
      const commit = session.commit([chunkOf('../../etc/passwd', [{ id: 1, text: 'a' }])]);
      await expect(commit).rejects.toMatchObject({ code: 'invalid-message' });
    });

    test('streams more chunks than it looks up at once', async () => {
      const run = newRun();
      const session = await open(run);
      const chunks = sampleChunks(6000);
      for (let from = 0; from < chunks.length; from += 500) {
        await session.commit(chunks.slice(from, from + 500));
      }
      const receipts = await all((await open(run)).receipts());
      expect(receipts).toEqual(chunks.map(({ receipt }) => receipt));
      let records = 0;
      for await (const stored of session.read()) records += stored.records;
      expect(records).toBe(18_000);
    });
  });
}
