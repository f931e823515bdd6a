import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { Waits } from './waits.ts';

const START = Date.parse('2026-11-27T12:00:00Z');

beforeEach(() => vi.useFakeTimers({ now: START }));
afterEach(() => vi.useRealTimers());

function start() {
  const logger = recordingLogger();
  const notes: string[] = [];
  const waits = new Waits({ logger, note: (run, reason) => notes.push(`${run}: ${reason}`) });
  onTestFinished(() => waits.close());
  return { logger, notes, waits };
}

test('what waits is told: how many, the one that waits longest, on whom, and since when', async () => {
  const { logger, notes, waits } = start();
  const first = waits.of('r1', '7');
  const second = waits.of('r1', '8');
  first('line 42 of a', { reason: 'connect ECONNREFUSED 10.0.0.1:80', sinceMs: START });
  const one =
    'a record waits to be tried again, since 2026-11-27T12:00:00.000Z: line 42 of a, chunk 7: connect ECONNREFUSED 10.0.0.1:80';
  await vi.advanceTimersByTimeAsync(10_000);
  expect(notes).toEqual([`r1: ${one}`]);
  second('line 50 of a', { reason: 'later', sinceMs: Date.now() });
  first('line 42 of a', { reason: 'connect ECONNREFUSED 10.0.0.1:81', sinceMs: START });
  await vi.advanceTimersByTimeAsync(60_000);
  const two =
    '2 records wait to be tried again, since 2026-11-27T12:00:00.000Z: line 42 of a, chunk 7: connect ECONNREFUSED 10.0.0.1:81';
  expect(notes).toEqual([`r1: ${one}`, ...Array<string>(6).fill(`r1: ${two}`)]);
  // After ten seconds, twenty and forty.
  expect(logger.at('warn')).toEqual([one, two, two]);
  first('line 42 of a', undefined);
  waits.end('r1', '8');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(notes).toHaveLength(7);
  expect(vi.getTimerCount()).toBe(0);
});

test('what does not wait for long is not worth a word, and runs are told apart', async () => {
  const { logger, notes, waits } = start();
  waits.of('r1', '7')('line 1 of a', { reason: 'later', sinceMs: START + 5_000 });
  waits.of('r2', '7')('line 1 of a', { reason: 'later', sinceMs: START });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(notes).toEqual([expect.stringMatching(/^r2: a record waits/)]);
  waits.end('r1', '7');
  waits.end('r2', '7');
  await vi.advanceTimersByTimeAsync(10_000);
  expect([notes.length, logger.at('warn').length, vi.getTimerCount()]).toEqual([1, 1, 0]);
});

test('a call that does not return is named; a stop waits for it as for work that goes on', async () => {
  const { logger, notes, waits } = start();
  const call = { reason: 'nothing ends it', sinceMs: START, isCalled: true };
  waits.of('r1', '7')('line 1 of a', call);
  waits.of('r1', '8')('line 9 of a', { reason: 'later', sinceMs: START + 1 });
  await vi.advanceTimersByTimeAsync(10_000);
  const sentence =
    'the function was called for a record and has not returned, since 2026-11-27T12:00:00.000Z: line 1 of a, chunk 7: nothing ends it';
  expect(notes).toEqual([`r1: ${sentence}`]);
  expect(logger.at('warn')).toEqual([sentence]);
  expect(waits.chunks).toBe(1);
});
