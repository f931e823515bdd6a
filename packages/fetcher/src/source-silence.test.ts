import type { PipelineConnection } from '@leat/runtime';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { SourceSilence } from './source-silence.ts';

const START = Date.parse('2026-11-27T12:00:00Z');
const main = {};
const SENTENCE = /^the source has given nothing since 2026-11-27T12:00:00.000Z/;

beforeEach(() => vi.useFakeTimers({ now: START }));
afterEach(() => vi.useRealTimers());

function start() {
  const logger = recordingLogger();
  const notes: string[] = [];
  const tellTrouble = async (run: string, { stage, reason }: Record<string, string>) =>
    void notes.push(`${run} ${stage}: ${reason}`);
  const connection = { runs: { notes: { tellTrouble } } } as unknown as PipelineConnection;
  const silence = new SourceSilence({ run: 'r1', fetcher: 'numbers', connection, logger });
  const over = new AbortController();
  const watching = silence.watch(over.signal);
  onTestFinished(async () => {
    over.abort();
    await watching;
  });
  return { logger, notes, silence };
}

test('a source that gives nothing is told of within a minute, and since when', async () => {
  const { logger, notes, silence } = start();
  silence.asks(main);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(notes).toEqual([]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(notes.length).toBeGreaterThan(0);
  expect(notes[0]).toMatch(/^r1 numbers: the source has given nothing since 2026-11-27T12:00:00/);
  await vi.advanceTimersByTimeAsync(200_000);
  // After half a minute, a minute, two and four; beside the run it is said again and again, or it would be forgotten.
  expect(logger.at('warn')).toEqual(
    Array.from({ length: 4 }, () => expect.stringMatching(SENTENCE)),
  );
  expect(notes.length).toBeGreaterThanOrEqual(20);
});

test('the one that waits longest counts, and a source that gives now and then is not silent', async () => {
  const { notes, silence } = start();
  const again = {};
  silence.asks(again);
  for (let second = 0; second < 60; second += 5) {
    silence.asks(main);
    await vi.advanceTimersByTimeAsync(5_000);
    silence.answered(main);
    if (second === 20) silence.answered(again);
  }
  expect(notes).toEqual([]);
  silence.asks(again);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(notes[0]).toMatch(/since 2026-11-27T12:01:00/);
});
