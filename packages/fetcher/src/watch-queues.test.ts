import type { Logger, PipelineConnection } from '@leat/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchQueues } from './watch-queues.ts';

const HOUR_MS = 3_600_000;
const logger = { debug: () => undefined } as unknown as Logger;

/** One queue that always holds so many messages, and nothing unread on the receipts. */
function connectionWith(queued: number): PipelineConnection {
  const info = { state: { subjects: { 'leat.v1.p.work.run-1': queued } } };
  return {
    spec: { name: 'p' },
    topology: {
      queues: [
        {
          stage: 'work',
          stream: { name: 'q' },
          consumer: { durable_name: 'work', filter_subject: 'leat.v1.p.work.*' },
        },
      ],
      receipts: { name: 'r' },
    },
    manager: {
      streams: { info: async () => info },
      consumers: {
        info: async (stream: string) => ({
          num_pending: stream === 'q' ? queued : 0,
          num_ack_pending: 0,
        }),
      },
    },
  } as unknown as PipelineConnection;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** The chunks found lost until `untilMs`, and when, while receipts come all the time. */
async function lostInFullFlow(sentAt: readonly number[], queued: number, untilMs: number) {
  const start = performance.now();
  const found: { readonly seq: number; readonly atMs: number }[] = [];
  const over = new AbortController();
  const inFlight = sentAt.map((at, seq) => ({ seq, sentAt: start + at }));
  const watching = watchQueues({
    connection: connectionWith(queued),
    run: 'run-1',
    inFlight: () => inFlight,
    receipts: {
      get lastAt() {
        return performance.now();
      },
      held: 0,
    },
    onLost: async (lost) => {
      for (const chunk of lost) {
        found.push({ seq: chunk.seq, atMs: performance.now() - start });
        chunk.sentAt = performance.now();
      }
    },
    signal: over.signal,
    logger,
  });
  await vi.advanceTimersByTimeAsync(untilMs);
  over.abort();
  await watching;
  return found;
}

test('a chunk that was lost in full flow is found after an hour', async () => {
  // The other two are on the queue.
  const found = await lostInFullFlow([0, 1_000, 1_000], 2, 1.5 * HOUR_MS);
  expect(found).toEqual([{ seq: 0, atMs: expect.closeTo(HOUR_MS, -4) }]);
});

test('chunks that wait in a long queue for more than an hour are left alone', async () => {
  expect(await lostInFullFlow([0, 1_000, 1_000], 3, 3 * HOUR_MS)).toEqual([]);
});
