import { NO_COUNTS } from '@leat/core';
import { fetcher, pipeline, saver, type Sink, type SinkChunk } from '@leat/sdk';
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

test.each(Array.from({ length: 12 }, (_, turns) => turns))(
  'a chunk that comes %i turns after the last one was acknowledged is saved',
  async (turns) => {
    const lines = fetcher('lines', { source: { kind: 'none', chunks: none }, schema: Any });
    const out = saver('out', { from: lines, sink });
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
    } as unknown as Runs;
    const publisher = { publish: async () => ({ sequence: 1, isDuplicate: false }) };
    const connection = { runs, spec: lone.spec, publisher, queues: { receive }, maxPayload: 1_000 };
    const stop = new AbortController();
    const service = runSaver({
      connection,
      pipeline: lone,
      saver: out,
      logger: recordingLogger(),
      stop: stop.signal,
      abort: new AbortController().signal,
    });
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
