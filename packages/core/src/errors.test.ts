import { describe, expect, test } from 'vitest';
import { BusyError, errorText, LeatError, RetryAfterError, TerminalError } from './errors.ts';

describe('the error classes', () => {
  test('keep code, message, cause and name', () => {
    const cause = new Error('the cause');
    const error = new LeatError('unreachable', 'No server answers.', { cause });
    expect(error).toMatchObject({
      name: 'LeatError',
      code: 'unreachable',
      message: 'No server answers.',
      cause,
    });
    expect(String(error)).toBe('LeatError: No server answers.');
    expect(error).not.toHaveProperty('fence');
    expect(new LeatError('fenced', 'No.', { fence: 7 })).toMatchObject({ fence: 7 });
    expect(new LeatError('fenced', 'No.', { fence: 7 })).toMatchObject({ fence: 7 });
    expect(new TerminalError('never', { cause })).toMatchObject({ name: 'TerminalError', cause });
    expect(new BusyError('later')).toMatchObject({ name: 'BusyError' });
  });

  test('say how long to wait', () => {
    const error = new RetryAfterError(1500);
    expect(error).toBeInstanceOf(BusyError);
    expect(error).toMatchObject({
      name: 'RetryAfterError',
      message: 'asked to come back in 1500 ms',
      retryAfterMs: 1500,
    });
    const cause = new Error('429');
    expect(new RetryAfterError(1, 'rate limit', { cause })).toMatchObject({
      message: 'rate limit',
      cause,
    });
  });
});

test('an error is shown with its code', () => {
  expect(errorText(new LeatError('run-unknown', 'There is no run r1.'))).toBe(
    '[run-unknown] There is no run r1.',
  );
});

test('a refusal by a fence says which one the sink has; no other error has one', () => {
  expect(new LeatError('fenced', 'It is higher.', { fence: 7 }).fence).toBe(7);
  expect('fence' in new LeatError('fenced', 'It is higher.', { cause: 7 })).toBe(false);
});
