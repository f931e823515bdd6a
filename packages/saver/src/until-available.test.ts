import { LeatError } from '@leat/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { untilAvailable } from './until-available.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const { signal } = new AbortController();

test('each attempt is logged once, and after a while it is noted what is waited for', async () => {
  const logger = recordingLogger();
  const noted: string[] = [];
  let attempts = 0;
  const open = async (): Promise<string> => {
    if (++attempts <= 6) throw new Error('disk full');
    return 'open';
  };
  const onWait = (reason: string): void => void noted.push(reason);
  const opened = untilAvailable('the sink', open, { signal, logger, onWait });
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
  const options = { signal, logger, onWait: () => undefined };
  await expect(untilAvailable('the sink', open, options)).rejects.toBe(unfit);
  expect(logger.lines).toEqual([]);
});
