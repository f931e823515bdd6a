import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import type { Job, OnWait, RecordWait } from './job.ts';
import { TimedOut, type Wanted, watched } from './watch.ts';
import { WorkClock } from './work-clock.ts';

const job: Job = {
  run: { id: 'run-1', pipeline: 'p', params: {} },
  limits: { chunkSize: 100, maxBytes: 1_000_000 },
  chunk: '7',
  body: new Uint8Array(),
  records: 0,
  position: { source: 'a', unit: 'line', first: 1 },
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches over work that ends only when it is aborted. */
function watchEndless(timeoutMs: number | undefined, clock = new WorkClock()) {
  const logger = recordingLogger();
  const waits: (readonly [string, RecordWait | undefined])[] = [];
  const onWait: OnWait = (position, wait) => void waits.push([position, wait]);
  const abort = new AbortController();
  const watching = watched(
    { job: { ...job, onWait }, clock, timeoutMs, logger, signal: abort.signal },
    ({ signal }) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  );
  const outcome = vi.fn<(error: unknown) => void>();
  watching.catch(outcome);
  return { clock, logger, abort, outcome, waits };
}

test('work is aborted when its clock shows too much', async () => {
  const { clock, outcome } = watchEndless(1_000);
  clock.begin();
  await vi.advanceTimersByTimeAsync(999);
  expect(outcome).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(outcome).toHaveBeenCalledWith(expect.any(TimedOut));
});

test('waiting does not count, however long, nor does what comes before somebody was busy', async () => {
  const { clock, outcome } = watchEndless(1_000);
  for (let busy = 0; busy < 20; busy++) {
    clock.begin();
    await vi.advanceTimersByTimeAsync(900);
    clock.end();
    clock.restart();
    await vi.advanceTimersByTimeAsync(60_000);
  }
  expect(outcome).not.toHaveBeenCalled();
  clock.begin();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(outcome).toHaveBeenCalledOnce();
});

test('work without a limit is mentioned after half a minute, a minute, two and four', async () => {
  const { clock, logger, outcome } = watchEndless(undefined);
  clock.begin();
  await vi.advanceTimersByTimeAsync(300_000);
  expect(logger.lines).toEqual(
    [30_000, 60_000, 120_000, 240_000].map((workedMs) => ({
      level: 'warn',
      message: 'chunk still worked on',
      fields: { run: 'run-1', chunk: '7', workedMs },
    })),
  );
  expect(outcome).not.toHaveBeenCalled();
});

test('work that gives no sign of life is named, until there is one', async () => {
  const { clock, waits } = watchEndless(undefined);
  const sinceMs = Date.now();
  clock.begin();
  await vi.advanceTimersByTimeAsync(40_000);
  const reason = 'it blocks its thread, and nothing ends it, because the stage has no timeoutMs';
  const position = 'line 1 of a or a later one';
  expect(waits).toEqual([[position, { reason, sinceMs, isCalled: true }]]);
  for (let beats = 0; beats < 20; beats++) {
    clock.beat();
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(waits.slice(1)).toEqual([[position, undefined]]);
});

test('an abort from outside is passed on, and no timer is left', async () => {
  const { abort, outcome } = watchEndless(1_000);
  abort.abort(new Error('enough'));
  await vi.advanceTimersByTimeAsync(0);
  expect(outcome).toHaveBeenCalledWith(new Error('enough'));
  expect(vi.getTimerCount()).toBe(0);
});

test('work that ends leaves nothing behind', async () => {
  const { signal } = new AbortController();
  const remove = vi.spyOn(signal, 'removeEventListener');
  const options = { job, clock: new WorkClock(), timeoutMs: 5, logger: recordingLogger(), signal };
  const work = ({ signal: own }: Wanted): Promise<boolean> => Promise.resolve(own.aborted);
  await expect(watched(options, work)).resolves.toBe(false);
  expect(vi.getTimerCount()).toBe(0);
  expect(remove).toHaveBeenCalledOnce();
});
