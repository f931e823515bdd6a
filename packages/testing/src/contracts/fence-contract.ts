import type { SinkChunk, SinkSession } from '@leat/sdk';
import { afterEach, describe, expect, test } from 'vitest';
import {
  all,
  chunkOf,
  contextOf,
  newRun,
  recordsOf,
  sampleChunks,
  type SinkUnderTest,
} from './sink-under-test.ts';

/** How every sink keeps off a session whose run has been taken over; see `SinkContext.fence`. */
export function fenceContract(name: string, setup: () => SinkUnderTest): void {
  describe(`${name} with a fence`, () => {
    const sessions: SinkSession[] = [];
    const open = async (run: string, fence?: number): Promise<SinkSession> => {
      const { fence: _, ...context } = contextOf(run);
      const session = await setup().sink.open({ ...context, ...(fence && { fence }) });
      sessions.push(session);
      return session;
    };
    /** A sink may say so when it is opened, or when something is to be committed. */
    const commitUnder = async (run: string, fence: number, chunk: SinkChunk): Promise<unknown> =>
      (await open(run, fence)).commit([chunk]);
    const stored = async (run: string): Promise<Map<string, unknown[]>> => {
      const chunks = await all((await open(run)).read());
      return new Map(chunks.map((one) => [one.chunk, recordsOf(one)]));
    };
    const receipts = async (run: string): Promise<string[]> =>
      (await all((await open(run)).receipts())).map(({ chunk }) => chunk);
    const [a, b] = [
      { id: 1, text: 'a' },
      { id: 2, text: 'b' },
    ] as const;

    afterEach(async () => {
      for (const session of sessions.splice(0)) await session.close();
    });

    test('lets a stale session write neither over nor beside its successor', async () => {
      const run = newRun();
      const [stale, alsoStale] = [await open(run, 1), await open(run, 1)];
      await stale.commit([chunkOf('0', [a])]);
      const successor = await open(run, 2);
      await successor.commit([chunkOf('1', [a])]);
      for (const session of [stale, alsoStale]) {
        const beside = session.commit([chunkOf('1.0-2', [b]), chunkOf('2', [b])]);
        await expect(beside).rejects.toMatchObject({ code: 'fenced' });
        await expect(beside).rejects.toThrow(/\b2\b.*\b1\b/);
        // What is there already is answered, or refused, and in no case changed.
        const over = await session.commit([chunkOf('1', [b])]).then(
          ([one]) => one?.isDuplicate,
          (error: unknown) => (error as { readonly code: string }).code,
        );
        expect([true, 'fenced']).toContain(over);
      }
      expect(await stored(run)).toEqual(new Map([0, 1].map((seq) => [`${seq}`, [a]])));
      expect(await receipts(run)).toEqual(['0', '1']);
      expect(await successor.commit([chunkOf('2', [a])])).toMatchObject([{ isDuplicate: false }]);
    });

    test('gives back fence and executions of a receipt', async () => {
      const run = newRun();
      const chunks = sampleChunks(3).map((chunk, nth) => {
        const buried = ['0000000a', 'ffffffff'].slice(0, nth);
        return { ...chunk, receipt: { ...chunk.receipt, fence: 2 ** 53 - 3 + nth, buried } };
      });
      const wanted = chunks.map(({ receipt }) => receipt);
      await (await open(run, 1)).commit(chunks);
      const session = await open(run, 1);
      expect(await session.commit(chunks)).toEqual(
        wanted.map((receipt) => ({ receipt, isDuplicate: true })),
      );
      expect(await all(session.receipts())).toEqual(wanted);
    });

    test('goes on under the new fence', async () => {
      const run = newRun();
      const stale = await open(run, 1);
      await open(run, 2);
      await expect(stale.commit(sampleChunks(1))).rejects.toMatchObject({ code: 'fenced' });
      expect(await (await open(run, 2)).commit(sampleChunks(1))).toMatchObject([
        { isDuplicate: false },
      ]);
    });

    test('keeps its fence when nobody has it open, up to 2^53', async () => {
      const run = newRun();
      await open(run, Number.MAX_SAFE_INTEGER);
      await sessions.pop()?.close();
      const late = commitUnder(run, Number.MAX_SAFE_INTEGER - 1, chunkOf('0', [a]));
      await expect(late).rejects.toMatchObject({ code: 'fenced' });
      await commitUnder(run, Number.MAX_SAFE_INTEGER, chunkOf('1', [a]));
      expect(await receipts(run)).toEqual(['1']);
    });

    test('keeps the fences of runs apart', async () => {
      const [run, other] = [newRun(), newRun()];
      await open(run, 2);
      await commitUnder(other, 1, chunkOf('0', [a]));
      expect(await receipts(other)).toEqual(['0']);
    });

    test('lets those who only read raise nothing, and commit nothing', async () => {
      const run = newRun();
      const session = await open(run, 1);
      const reader = await open(run);
      await session.commit([chunkOf('0', [a])]);
      expect(await all(reader.receipts())).toHaveLength(1);
      expect(await all(reader.read())).toHaveLength(1);
      const commit = reader.commit([chunkOf('1', [a])]);
      await expect(commit).rejects.toMatchObject({ code: 'fenced' });
      await session.commit([chunkOf('1', [a])]);
      expect(await receipts(run)).toEqual(['0', '1']);
    });

    test('lets nothing appear after it is raised in the middle of commits, and nothing by halves', async () => {
      const run = newRun();
      const committed: string[] = [];
      let next = 0;
      for (let fence = 1; fence <= 6; fence++) {
        const stale = await open(run, fence);
        const lane = async (): Promise<void> => {
          for (;;) {
            const chunks = sampleChunks(5, next);
            next += chunks.length;
            await stale.commit(chunks);
            committed.push(...chunks.map(({ receipt }) => receipt.chunk));
          }
        };
        const lanes = Promise.allSettled([lane(), lane(), lane()]);
        await open(run, fence + 1);
        const before = await stored(run);
        for (const outcome of await lanes) {
          expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'fenced' } });
        }
        const after = await stored(run);
        expect(after).toEqual(before);
        expect(await receipts(run)).toEqual([...after.keys()]);
        expect([...after.keys()]).toEqual(expect.arrayContaining(committed));
        for (const records of after.values()) expect(records).toHaveLength(3);
        for (const session of sessions.splice(0)) await session.close();
      }
    });

    test('lets the highest of many who raise it at the same time commit, and no other', async () => {
      const run = newRun();
      const fences = [3, 9, 5, 7, 4, 8, 6];
      const tries = fences.map((fence) => commitUnder(run, fence, chunkOf(`${fence}`, [a])));
      const found = await Promise.allSettled(tries);
      expect(found[1]).toMatchObject({ status: 'fulfilled' });
      const done = fences
        .filter((_, at) => found[at]?.status === 'fulfilled')
        .toSorted((x, y) => x - y);
      expect(await receipts(run)).toEqual(done.map(String));
      for (const fence of fences.filter((each) => each < 9)) {
        const late = commitUnder(run, fence, chunkOf(`1${fence}`, [a]));
        await expect(late).rejects.toMatchObject({ code: 'fenced' });
      }
      expect(await receipts(run)).toEqual(done.map(String));
    });
  });
}
