import { generate } from '@leat/connectors/memory';
import type { LeatError } from '@leat/core';
import { runPipeline } from '@leat/host';
import { connect } from '@leat/operate';
import { fetcher, pipeline, saver, type Sink, type SinkChunk, type StoredChunk } from '@leat/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { newName, startServer } from '../support/jetstream.ts';

/** What becomes of a stored chunk; nothing, if it is gone. */
type Edit = (stored: StoredChunk) => StoredChunk | undefined;

/** A run of 40 records in four chunks into a sink that keeps them in memory, and an export of it after an edit. */
async function exportAfter(
  edit: Edit,
): Promise<{ chunks: string[]; error: LeatError | undefined }> {
  const chunks = new Map<string, SinkChunk>();
  const inOrder = (): SinkChunk[] =>
    [...chunks.values()].toSorted((a, b) => Number(a.receipt.chunk) - Number(b.receipt.chunk));
  const sink: Sink = {
    kind: 'memory',
    open: async () => ({
      commit: async (given) => {
        for (const chunk of given) chunks.set(chunk.receipt.chunk, chunk);
        return given.map(({ receipt }) => ({ receipt, isDuplicate: false }));
      },
      receipts: async function* (this: void) {
        for (const { receipt } of inOrder()) yield receipt;
      },
      read: async function* (this: void) {
        for (const { receipt, body } of inOrder()) {
          const { chunk, counts } = receipt;
          const stored = edit({ chunk, records: counts.in, body, isVerbatim: true });
          if (stored !== undefined) yield stored;
        }
      },
      close: async () => undefined,
    }),
  };
  const schema = z.object({ n: z.int() });
  const source = generate(40, (n) => ({ n }));
  const from = fetcher('numbers', { source, schema, chunkSize: 10 });
  const whole = pipeline(newName(), { savers: [saver('out', { from, sink })] });
  const { url } = await startServer();
  const { run } = await runPipeline(whole, { connection: { servers: url } });
  const leat = await connect({ servers: url });
  onTestFinished(() => leat.close());
  const found: string[] = [];
  try {
    for await (const { chunk } of leat.export(run, whole)) found.push(chunk);
  } catch (error) {
    return { chunks: found, error: error as LeatError };
  }
  return { chunks: found, error: undefined };
}

const withBody = (stored: StoredChunk, change: (text: string) => string): StoredChunk => ({
  ...stored,
  body: Buffer.from(change(Buffer.from(stored.body).toString())),
});

test.each<[string, (stored: StoredChunk) => StoredChunk | undefined, RegExp]>([
  [
    'a line that was edited by hand',
    (stored) => withBody(stored, (text) => text.replace('21', '12')),
    /ends before chunk 2 of the saver out, which is not as it was saved: put it back/,
  ],
  [
    'two lines that changed places',
    (stored) => withBody(stored, (text) => text.split('\n').toReversed().join('\n').trimStart()),
    /ends before chunk 2 of the saver out, which is not as it was saved/,
  ],
  [
    'a line more',
    (stored) => ({ ...withBody(stored, (text) => `${text}{}\n`), records: 11 }),
    /ends before chunk 2 of the saver out, which has 11 records, and its receipt says 10/,
  ],
  [
    'what the sink itself says was altered',
    (stored) => ({ ...stored, isVerbatim: false, isAltered: true }),
    /ends before chunk 2 of the saver out, which is not as it was saved/,
  ],
  ['a chunk that is gone', () => undefined, /The sink has 30 records .* 40 were saved/],
])('an export does not hand on %s', async (what, edit, message) => {
  const { chunks, error } = await exportAfter((stored) =>
    stored.chunk === '2' ? edit(stored) : stored,
  );
  expect(error).toMatchObject({ code: 'run-failed', message: expect.stringMatching(message) });
  expect(chunks).toEqual(what.includes('gone') ? ['0', '1', '3'] : ['0', '1']);
});

test('an export hands on what is as it was saved', async () => {
  expect(await exportAfter((stored) => stored)).toEqual({
    chunks: ['0', '1', '2', '3'],
    error: undefined,
  });
});
