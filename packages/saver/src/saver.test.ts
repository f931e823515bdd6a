import { NO_COUNTS } from '@leat/core';
import { fetcher, pipeline, saver, type Sink, type SinkChunk, SinkRejection } from '@leat/sdk';
import { type ChunkQueues, type Delivery, type Runs, StageTelemetry } from '@leat/runtime';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { runSaver } from './saver.ts';

const Any = z.unknown();
const none = async function* (): AsyncGenerator<never> {};
const sink: Sink = {
  kind: 'memory',
  open: async () => ({
    commit: async (chunks: readonly SinkChunk[]) =>
      chunks.map(({ receipt }) => ({ receipt, isDuplicate: false })),
    receipts: none,
    read: none,
    close: async () => undefined,
  }),
};

function deliveryOf(seq: number, ack: () => void): Delivery {
  return {
    envelope: {
      run: 'run-1',
      chunk: { seq, path: '' },
      counts: { ...NO_COUNTS, in: 1 },
      position: { source: 'a', unit: 'line', first: seq },
      sending: '',
    },
    id: `${seq}`,
    body: Buffer.from('1\n'),
    deliveries: 1,
    telemetry: new StageTelemetry('out', {}).inHand(1),
    limitBlock: () => () => undefined,
    ack,
    giveBack: () => undefined,
    park: () => undefined,
    drop: () => undefined,
  };
}

/** A saver at work, and how it is handed a chunk. */
function start(its: Sink) {
  const lines = fetcher('lines', { source: { kind: 'none', chunks: none }, schema: Any });
  const out = saver('out', { from: lines, sink: its });
  const lone = pipeline('p', { savers: [out] });
  // Which turn of the event loop a chunk arrives in is what the test is about, and no server can be told.
  let take!: (delivery: Delivery) => void;
  const receive: ChunkQueues['receive'] = async ({ handle, signal }) => {
    take = handle;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };
  const runs = {
    get: async () => ({ pipeline: 'p', params: {}, spec: lone.spec }),
    wishes: { look: async () => ({ wish: 'run', revision: 0 }) },
    progress: async () => undefined,
    notes: { tellTrouble: async () => undefined },
  } as unknown as Runs;
  const publisher = { publish: async () => ({ sequence: 1, isDuplicate: false }) };
  const connection = { runs, spec: lone.spec, publisher, queues: { receive }, maxPayload: 1_000 };
  const logger = recordingLogger();
  const stop = new AbortController();
  const service = runSaver({
    connection,
    pipeline: lone,
    saver: out,
    logger,
    stop: stop.signal,
    abort: new AbortController().signal,
  });
  return { take, stop, service, logger };
}

test.each(Array.from({ length: 12 }, (_, turns) => turns))(
  'a chunk that comes %i turns after the last one was acknowledged is saved',
  async (turns) => {
    const { take, stop, service } = start(sink);
    await new Promise<void>((resolve, reject) => {
      setTimeout(() => reject(new Error('the second chunk was left waiting')), 10_000).unref();
      take(
        deliveryOf(0, () => {
          let turn = Promise.resolve();
          for (let n = 0; n < turns; n++) turn = turn.then(() => undefined);
          void turn.then(() => take(deliveryOf(1, resolve)));
        }),
      );
    });
    stop.abort();
    await expect(service).resolves.toBeUndefined();
  },
);

const session = { receipts: none, read: none, close: async () => undefined };
const commits = (commit: (chunks: readonly SinkChunk[]) => unknown): unknown => ({
  ...session,
  commit: async (chunks: readonly SinkChunk[]) => commit(chunks),
});
const rejects = (chunk: string, index: number): unknown =>
  commits(() => {
    throw new SinkRejection([{ chunk, index, reason: 'odd' }]);
  });

test.each<[string, unknown, string]>([
  ['opens nothing', undefined, 'must open a session'],
  ['opens null', null, 'must open a session'],
  ['opens what cannot commit', session, 'must open a session'],
  ['names itself by a number', { ...session, commit: none, identity: { mark: 5 } }, 'identity'],
  ['says nothing of a commit', commits(() => undefined), 'it gave undefined'],
  ['says of one chunk nothing', commits(() => []), 'it gave a list of 0'],
  ['says it without a receipt', commits(() => [{ isDuplicate: false }]), 'it gave a list of 1'],
  ['says null of it', commits(() => [null]), 'it gave a list of 1'],
  ['rejects a record that is not there', rejects('0', 99), 'names no record of it'],
  ['rejects one of another chunk', rejects('7', 0), 'names no record of it'],
  ['rejects one by a fraction', rejects('0', 0.5), 'names no record of it'],
])('a sink that %s ends its saver', async (_, opened, sentence) => {
  const { take, service } = start({ kind: 'odd', open: async () => opened } as unknown as Sink);
  take(deliveryOf(0, () => undefined));
  await expect(service).rejects.toMatchObject({
    code: 'sink-unfit',
    message: expect.stringContaining(sentence) as string,
  });
});

test('a sink that does not close well ends nothing', async () => {
  const opened = {
    ...session,
    commit: async (chunks: readonly SinkChunk[]) =>
      chunks.map(({ receipt }) => ({ receipt, isDuplicate: false })),
    close: () => Promise.reject(new Error('no longer there')),
  };
  const { take, stop, service, logger } = start({ kind: 'odd', open: async () => opened });
  await new Promise<void>((resolve) => take(deliveryOf(0, resolve)));
  stop.abort();
  await expect(service).resolves.toBeUndefined();
  expect(logger.at('warn')).toEqual(['the sink has not closed well']);
});
