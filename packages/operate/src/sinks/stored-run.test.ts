import { fetcher, pipeline, saver, type Sink, type SinkSession } from '@leat/sdk';
import { LeatError, type RunRequest } from '@leat/core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Site } from '../site.ts';
import { openStored, type StoredRun } from './stored-run.ts';

const source = { kind: 'none', chunks: async function* () {} };

/** Opens the sink of a run that has one saver. */
function opening(open: Sink['open']): Promise<SinkSession> {
  const out = saver('out', {
    from: fetcher('numbers', { source, schema: z.object({ n: z.int() }) }),
    sink: { kind: 'own', open },
  });
  const whole = pipeline('p', { savers: [out] });
  const request: RunRequest = {
    run: 'r',
    pipeline: 'p',
    params: {},
    spec: whole.spec,
    createdAt: '2026-11-27T00:00:00.000Z',
    limits: { chunkSize: 100, maxBytes: 524_288 },
  };
  const site = { logger: { warn: () => undefined } } as unknown as Site;
  return openStored(site, { request, pipeline: whole } as StoredRun, out);
}

test('a sink that is away is unreachable, whatever it says', async () => {
  for (const reason of [new Error('connect ECONNREFUSED'), 'connect ECONNREFUSED']) {
    await expect(opening(() => Promise.reject(reason))).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/The sink of the saver out does not answer.*ECONNREFUSED/),
    });
  }
});

test('what a sink says in words stays', async () => {
  const error = new LeatError('sink-unfit', 'no');
  await expect(opening(() => Promise.reject(error))).rejects.toBe(error);
});

test('a sink is opened without a fence', async () => {
  await expect(
    opening((context) => Promise.reject(new LeatError('sink-unfit', `fence ${context.fence}`))),
  ).rejects.toThrow('fence undefined');
});

test.each(['receipts', 'read'] as const)(
  'what cannot be read to its end is a sentence (%s)',
  async (what) => {
    const broken = async function* (): AsyncGenerator<never> {
      yield 'good' as never;
      throw new Error('EISDIR: illegal operation on a directory, read');
    };
    const session: SinkSession = {
      commit: () => Promise.reject(new Error('only read')),
      receipts: broken,
      read: broken,
      close: async () => undefined,
    };
    const opened = await opening(async () => session);
    const found: unknown[] = [];
    const reading = async (): Promise<void> => {
      for await (const each of opened[what]()) found.push(each);
    };
    await expect(reading()).rejects.toMatchObject({
      code: 'sink-unfit',
      message:
        'The sink of the saver out cannot be read to its end (EISDIR: illegal operation on a directory, read): put back what was saved there, and try again.',
    });
    expect(found).toEqual(['good']);
  },
);
