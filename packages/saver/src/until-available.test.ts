import { LeatError } from '@leat/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { SinkSilent, untilAvailable } from './until-available.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const NEVER = new AbortController().signal;
const common = { signal: NEVER, stop: NEVER, abort: NEVER };

test('each attempt is logged once, and after a while it is noted what is waited for', async () => {
  const logger = recordingLogger();
  const noted: string[] = [];
  let attempts = 0;
  const open = async (): Promise<string> => {
    if (++attempts <= 6) throw new Error('disk full');
    return 'open';
  };
  const onWait = (reason: string): void => void noted.push(reason);
  const opened = untilAvailable('the sink', open, { ...common, logger, onWait });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await opened).toBe('open');
  const reason = 'the sink is not available, waiting: disk full';
  expect(logger.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    ...Array.from({ length: 6 }, () => `warn: ${reason}`),
    'info: the sink is back',
  ]);
  expect(noted).toEqual([reason, reason]);
});

test('what waiting does not mend is thrown at once', async () => {
  const unfit = new LeatError('sink-unfit', 'It is a file.');
  const logger = recordingLogger();
  const open = (): Promise<never> => Promise.reject(unfit);
  const options = { ...common, logger, onWait: () => undefined };
  await expect(untilAvailable('the sink', open, options)).rejects.toBe(unfit);
  expect(logger.lines).toEqual([]);
});

test('a sink that does not answer is said to be silent after ten seconds, and given up after five minutes', async () => {
  const logger = recordingLogger();
  const noted: string[] = [];
  const onWait = (reason: string): void => void noted.push(reason);
  const commit = (): Promise<never> => new Promise(() => undefined);
  const options = { ...common, logger, onWait };
  const saved = untilAvailable('the sink', commit, options);
  saved.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(noted).toEqual([]);
  await vi.advanceTimersByTimeAsync(12_000);
  const reasonAfter = (s: number): string =>
    `the sink has not answered for ${s} s, waiting: something may be locked there`;
  expect(noted).toEqual([reasonAfter(10), reasonAfter(20)]);
  expect(logger.lines.map(({ message }) => message)).toEqual(noted);
  await vi.advanceTimersByTimeAsync(300_000);
  await expect(saved).rejects.toThrow(new SinkSilent('the sink has not answered for 300 s'));
});

/** How a sink may keep a service waiting. */
const AWAY = (): Promise<never> => Promise.reject(new Error('away'));
const SILENT = (): Promise<never> => new Promise(() => undefined);
const STOPPED = 'the sink is not available, and the service stops: away';

test.each<[string, 'stop' | 'abort' | 'signal', () => Promise<never>, string | undefined]>([
  ['a stop ends the wait for one that is away', 'stop', AWAY, STOPPED],
  ['a stop lets one answer that was asked, for a while', 'stop', SILENT, undefined],
  ['an abort does not wait for an answer', 'abort', SILENT, 'enough'],
  ['an abort ends the wait for one that is away', 'abort', AWAY, 'enough'],
  ['a cancellation ends the wait for one that is away', 'signal', AWAY, 'enough'],
  ['a cancellation lets one answer that was asked', 'signal', SILENT, undefined],
])('%s', async (_, what, action, message) => {
  const over = new AbortController();
  // The run's signal is aborted with the service's.
  const signals = { [what]: over.signal, ...(what === 'abort' && { signal: over.signal }) };
  const options = { ...common, ...signals, logger: recordingLogger(), onWait: () => undefined };
  let end: unknown;
  untilAvailable('the sink', action, options).catch((error: unknown) => (end = error));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(end).toBeUndefined();
  over.abort(new Error('enough'));
  await vi.advanceTimersByTimeAsync(0);
  expect((end as Error | undefined)?.message).toBe(message);
  if (what !== 'stop') return;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(end).toBeInstanceOf(Error);
});
