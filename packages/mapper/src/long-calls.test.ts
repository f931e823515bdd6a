import { fetcher, mapper, type Mapper, type MapperOptions } from '@leat/sdk';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import type { Job, RecordWait } from './job.ts';
import { wantedUntil } from './watch.ts';
import { WorkClock } from './work-clock.ts';
import { ChunkWorker } from './worker.ts';

const START = Date.parse('2026-11-27T12:00:00Z');
const Numbered = z.object({ n: z.number() });
const numbers = fetcher('numbers', {
  source: { kind: 'none', chunks: async function* () {} },
  schema: Numbered,
});
type Work = Partial<MapperOptions<typeof Numbered, typeof Numbered>>;

beforeEach(() => vi.useFakeTimers({ now: START }));
afterEach(() => vi.useRealTimers());

/** Works on the records 0, 1, 2 and so on, and keeps who waits. */
function work(options: Work, records = 4) {
  // A filter has no schema of its own.
  const schema = options.filter === undefined ? { schema: Numbered } : {};
  const all = { from: numbers, ...schema, ...options };
  const stage: Mapper = mapper('work', all as MapperOptions<typeof Numbered, typeof Numbered>);
  const waiting = new Map<string, RecordWait>();
  const job: Job = {
    run: { id: 'run-1', pipeline: 'p', params: {} },
    limits: { chunkSize: 100, maxBytes: 1_000_000 },
    chunk: '7',
    body: Buffer.from(Array.from({ length: records }, (_, n) => `{"n":${n}}\n`).join('')),
    records,
    position: { source: 'a', unit: 'line', first: 1 },
    onWait: (position, wait) => {
      if (wait === undefined) waiting.delete(position);
      else waiting.set(position, wait);
    },
  };
  const over = new AbortController();
  const clock = new WorkClock();
  const worker = new ChunkWorker(stage, recordingLogger(), undefined);
  const result = worker.work(job, wantedUntil(over.signal), clock);
  result.catch(() => undefined);
  return { waiting, result, clock, leave: () => over.abort(new Error('enough')) };
}

const never = (): Promise<never> => new Promise(() => undefined);
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a call that does not return is named within a minute', () => {
  test.each<{ readonly what: string; readonly options: Work; readonly line: number }>([
    { what: 'of map', options: { map: (r) => (r.n === 2 ? never() : r) }, line: 3 },
    { what: 'of an async map', options: { map: async (r) => (r.n === 1 ? never() : r) }, line: 2 },
    {
      what: 'of flatMap, in the midst of its results',
      options: {
        flatMap: async function* (r) {
          yield r;
          if (r.n === 3) await never();
        },
      },
      line: 4,
    },
    { what: 'of filter', options: { filter: (r) => (r.n === 0 ? never() : true) }, line: 1 },
    { what: 'of mapChunk', options: { mapChunk: never }, line: 1 },
    {
      what: 'of a later attempt',
      options: {
        map: (r, { attempt }) => {
          if (r.n !== 2) return r;
          if (attempt === 1) throw new Error('once');
          return never();
        },
      },
      line: 3,
    },
  ])('$what', async ({ options, line }) => {
    const { waiting, result, leave } = work({ retry: { initialDelayMs: 1 }, ...options });
    await vi.advanceTimersByTimeAsync(50_000);
    expect([...waiting]).toEqual([
      [
        `line ${line} of a`,
        {
          reason: 'nothing ends it, because the stage has no timeoutMs',
          sinceMs: expect.any(Number),
          isCalled: true,
        },
      ],
    ]);
    const [{ sinceMs } = { sinceMs: 0 }] = waiting.values();
    expect(sinceMs - START).toBeLessThanOrEqual(11_000);
    leave();
    await expect(result).rejects.toThrow('enough');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('calls that return are not named, however long the chunk takes; and their thread is alive', async () => {
  const { waiting, result, clock } = work(
    { map: (r) => later(9_000).then(() => r), concurrency: 1 },
    20,
  );
  for (let at = 0; at < 180; at += 10) {
    await vi.advanceTimersByTimeAsync(10_000);
    expect([...waiting]).toEqual([]);
    expect(clock.silentMs).toBeLessThanOrEqual(10_000);
  }
  expect((await result).pieces).toHaveLength(1);
});

test('one that returns at last is named no more', async () => {
  const { waiting, result } = work({ map: (r) => later(r.n * 30_000).then(() => r) });
  await vi.advanceTimersByTimeAsync(50_000);
  expect([...waiting.keys()]).toEqual(['line 3 of a', 'line 4 of a']);
  await vi.advanceTimersByTimeAsync(50_000);
  await result;
  expect([...waiting]).toEqual([]);
});
