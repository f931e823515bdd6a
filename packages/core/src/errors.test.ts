import { describe, expect, test } from 'vitest';
import {
  BusyError,
  errorText,
  LeatError,
  messageOf,
  RetryAfterError,
  TerminalError,
} from './errors.ts';

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

describe('messageOf', () => {
  test.each([
    ['an error', new Error('it broke'), 'it broke'],
    ['a text', 'it broke', 'it broke'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('it broke'), 'Symbol(it broke)'],
    ['an object without a prototype', Object.create(null), '[object Object]'],
    [
      'an object that cannot say what it is',
      {
        toString() {
          throw new Error('not even that');
        },
      },
      '[object Object]',
    ],
  ])('gives words for %s', (_, thrown: unknown, expected) => {
    expect(messageOf(thrown)).toBe(expected);
  });
});

test('an error is shown with its code', () => {
  expect(errorText(new LeatError('run-unknown', 'There is no run r1.'))).toBe(
    '[run-unknown] There is no run r1.',
  );
});
