import type { SinkChunk, SinkSession } from '@leat/sdk';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type SinkUnderTest,
  newRun,
  contextOf,
  chunkOf,
  sampleChunks,
  all,
  recordsOf,
  commitInChild,
} from './sink-under-test.ts';

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

    test('has nothing to read where nothing was saved, and takes nothing from a reader', async () => {
      const { fence: _, ...context } = contextOf(newRun());
      const reader = await setup().sink.open(context);
      sessions.push(reader);
      expect(await all(reader.receipts())).toEqual([]);
      expect(await all(reader.read())).toEqual([]);
      await expect(reader.commit(sampleChunks(1))).rejects.toMatchObject({ code: 'fenced' });
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
