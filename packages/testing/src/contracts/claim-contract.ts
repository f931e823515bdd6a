import type { Receipt, RunIdentity } from '@leat/core';
import type { SinkContext, SinkSession } from '@leat/sdk';
import { afterEach, describe, expect, test } from 'vitest';
import {
  all,
  contextOf,
  identityFor,
  newRun,
  sampleChunks,
  type SinkUnderTest,
} from './sink-under-test.ts';

const ELSEWHERE = '00000000000b2';

/** How every sink tells a run from others with its id; see `SinkContext.identity`. */
export function claimContract(name: string, setup: () => SinkUnderTest): void {
  describe(`${name} with a claim`, () => {
    const sessions: SinkSession[] = [];
    const open = async (
      run: string,
      identity: Partial<RunIdentity> = {},
      overrides: Partial<SinkContext> = {},
    ): Promise<SinkSession> => {
      const context = contextOf(run, { identity: identityFor(run, identity), ...overrides });
      const session = await setup().sink.open(context);
      sessions.push(session);
      return session;
    };
    const reading = (run: string, identity: Partial<RunIdentity>): Promise<SinkSession> => {
      const { fence: _, ...context } = contextOf(run, { identity: identityFor(run, identity) });
      return setup().sink.open(context);
    };
    const taken = { code: 'sink-taken' };

    afterEach(async () => {
      for (const session of sessions.splice(0)) await session.close();
    });

    test('refuses a run of another pipeline with the same id, also to readers', async () => {
      const run = newRun();
      await (await open(run)).commit(sampleChunks(2));
      const other = { pipeline: 'other', born: ELSEWHERE };
      await expect(open(run, other)).rejects.toThrow(/of the pipeline test.* one of other/);
      await expect(open(run, other, { isRecovered: true })).rejects.toMatchObject(taken);
      await expect(reading(run, other)).rejects.toMatchObject(taken);
    });

    test('refuses a run of the same pipeline that began elsewhere', async () => {
      const run = newRun();
      await (await open(run)).commit(sampleChunks(2));
      await expect(open(run, { born: ELSEWHERE })).rejects.toThrow(/another run .* --recover/);
      await expect(reading(run, { born: ELSEWHERE })).rejects.toMatchObject(taken);
    });

    test('lets who was refused not keep off the run that it has', async () => {
      const run = newRun();
      const session = await open(run);
      await expect(open(run, { born: ELSEWHERE }, { fence: 99 })).rejects.toMatchObject(taken);
      expect(await session.commit(sampleChunks(1))).toMatchObject([{ isDuplicate: false }]);
    });

    test('goes on with what it has for a run that is recovered', async () => {
      const run = newRun();
      const before = await open(run);
      await before.commit(sampleChunks(2));
      const after = await open(run, { born: ELSEWHERE }, { isRecovered: true, fence: 2 });
      expect(after.identity).toEqual(before.identity);
      expect(await after.commit(sampleChunks(3))).toMatchObject([
        { isDuplicate: true },
        { isDuplicate: true },
        { isDuplicate: false },
      ]);
      await expect(before.commit(sampleChunks(1, 7))).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:fenced|sink-taken)$/),
      });
      await expect(open(run)).rejects.toMatchObject(taken);
      const again = await open(run, { born: ELSEWHERE }, { fence: 2 });
      expect(await all(again.receipts())).toHaveLength(3);
    });

    test.each<[string, Partial<RunIdentity>]>([
      ['graph', { graph: 'numbers numbers>saver numbers>more' }],
      ['chunkSize', { limits: { chunkSize: 50, maxBytes: 524_288 } }],
      ['maxBytes', { limits: { chunkSize: 100, maxBytes: 1_000 } }],
      ['parameters', { params: { file: 'b.csv' } }],
    ])('recovers no run with another %s', async (what, identity) => {
      const run = newRun();
      await (await open(run)).commit(sampleChunks(1));
      const recovering = open(run, { born: ELSEWHERE, ...identity }, { isRecovered: true });
      await expect(recovering).rejects.toThrow(what);
      expect(await all((await open(run)).receipts())).toHaveLength(1);
    });

    test('is that of one of many runs that come at the same time', async () => {
      const run = newRun();
      const born = Array.from({ length: 6 }, (_, n) => `000000000000${n}`);
      const opened = await Promise.allSettled(born.map((each) => open(run, { born: each })));
      const winners = opened.filter(({ status }) => status === 'fulfilled');
      expect(winners).toHaveLength(1);
      for (const outcome of opened) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(taken);
      }
    });

    test('has one mark for all who open it, and keeps what receipts say besides', async () => {
      const run = newRun();
      const [one, other] = [await open(run), await open(run)];
      expect(one.identity?.mark).toMatch(/^[\w-]{1,64}$/);
      expect(other.identity).toEqual(one.identity);
      const said = [
        {},
        { source: '00c0ffee' },
        { division: '.1a2b3c4d' },
        { source: '00c0ffee', division: '1a2b3c4d', buried: ['0000000a', '0000000b'] },
        { division: '1a2b3c4d', buried: ['0000000a'] },
      ];
      const chunks = sampleChunks(said.length).map((chunk, nth) => ({
        ...chunk,
        receipt: { ...chunk.receipt, ...said[nth] },
      }));
      await one.commit(chunks);
      const receipts = await all(other.receipts());
      // How a chunk was divided is only compared while it is under way: a sink may forget it.
      const kept = (receipt: Receipt): Receipt => {
        const { division: _, ...rest } = receipt;
        return rest;
      };
      expect(receipts.map(kept)).toEqual(chunks.map(({ receipt }) => kept(receipt)));
    });
  });
}
