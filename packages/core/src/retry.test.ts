import { execFileSync, spawn } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BusyError, LeatError, RetryAfterError, TerminalError } from './errors.ts';
import {
  backoffMs,
  classifyFailure,
  decideRetry,
  DEFAULT_RETRY_POLICY,
  type RetryPolicy,
  retryPolicy,
  MAX_ASKED_MS,
} from './retry.ts';

function withProperties(properties: object): Error {
  return Object.assign(new Error('it broke'), properties);
}

/** An error inside so many others. */
function caused(error: unknown, times: number): Error {
  const outer = new Error('outer', { cause: error });
  return times === 1 ? outer : caused(outer, times - 1);
}

const refuse = (): never => {
  throw new Error('not even that');
};
const ownCause = new Error('its own cause');
ownCause.cause = ownCause;

describe('classifyFailure', () => {
  test.each([
    ['a terminal error', new TerminalError('bad record'), 'fatal'],
    ['a terminal error as a cause', caused(new TerminalError('bad record'), 1), 'fatal'],
    ['a busy error', new BusyError('later'), 'busy'],
    ['a retry-after error', new RetryAfterError(100), 'busy'],
    ['a busy error that a terminal one caused', caused(new BusyError('later'), 2), 'busy'],
    ['status 429', withProperties({ status: 429 }), 'busy'],
    ['status 503', withProperties({ status: 503 }), 'busy'],
    ['statusCode 429', withProperties({ statusCode: 429 }), 'busy'],
    ['statusCode 503', withProperties({ statusCode: 503 }), 'busy'],
    [
      'statusCode 429 and a worded status',
      withProperties({ status: 'fail', statusCode: 429 }),
      'busy',
    ],
    ['status 500', withProperties({ status: 500 }), 'failed'],
    ['status 404', withProperties({ statusCode: 404 }), 'failed'],
    ['a refused connection', withProperties({ code: 'ECONNREFUSED' }), 'busy'],
    ['a lost connection', withProperties({ code: 'ECONNRESET' }), 'busy'],
    ['a name server that does not answer', withProperties({ code: 'EAI_AGAIN' }), 'busy'],
    [
      'a connection that cannot be made in time',
      withProperties({ code: 'UND_ERR_CONNECT_TIMEOUT' }),
      'busy',
    ],
    ['a missing file', withProperties({ code: 'ENOENT' }), 'failed'],
    [
      'what fetch throws',
      new TypeError('fetch failed', { cause: withProperties({ code: 'ECONNREFUSED' }) }),
      'busy',
    ],
    [
      'what a client that wraps fetch throws',
      caused(withProperties({ code: 'ECONNRESET' }), 4),
      'busy',
    ],
    ['a cause too deep to look for', caused(new BusyError('later'), 5), 'failed'],
    ['an error that is its own cause', ownCause, 'failed'],
    ['a plain error', new Error('it broke'), 'failed'],
    ['an error of ours', new LeatError('unreachable', 'No server answers.'), 'failed'],
    ['a text', 'ECONNREFUSED', 'failed'],
    ['an object that is no error', { status: 429 }, 'busy'],
    [
      'a host that does not exist',
      withProperties({ code: 'ENOTFOUND', syscall: 'getaddrinfo' }),
      'failed',
    ],
    ['nothing', undefined, 'failed'],
    ['what cannot be read', new Proxy(new Error('bad'), { get: refuse }), 'failed'],
    ['what cannot be looked at', new Proxy({}, { getPrototypeOf: refuse }), 'failed'],
  ])('sorts %s', (_, error: unknown, kind) => {
    expect(classifyFailure(error)).toBe(kind);
  });
});

/** What Node.js itself throws when a child process or a file fails. */
describe('classifyFailure, on this machine', () => {
  const child = (): unknown => {
    try {
      return execFileSync(process.execPath, ['-e', 'for (;;);'], { timeout: 50, stdio: 'ignore' });
    } catch (error) {
      return error;
    }
  };
  const broken = (): Promise<unknown> =>
    new Promise((resolve) => {
      const { stdin } = spawn(process.execPath, ['-e', ''], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      stdin.on('error', resolve);
      stdin.write('x'.repeat(1_000_000)); // more than the pipe holds
    });

  test('a child process that is too slow has failed', () => {
    expect(child()).toMatchObject({ code: 'ETIMEDOUT' });
    expect(classifyFailure(child())).toBe('failed');
    expect(classifyFailure(caused(child(), 2))).toBe('failed');
  });

  test('so has one that does not read', async () => {
    const error = await broken();
    expect(error).toMatchObject({ code: 'EPIPE' });
    expect(classifyFailure(error)).toBe('failed');
  });

  test.each([
    [
      'a file on a server that is away',
      { code: 'ETIMEDOUT', syscall: 'open', path: '/mnt/a' },
      'failed',
    ],
    ['a child process, by its arguments', { code: 'ECONNRESET', spawnargs: [] }, 'failed'],
    [
      'a child process, by its system call',
      { code: 'ETIMEDOUT', syscall: 'spawnSync sleep' },
      'failed',
    ],
    [
      'a socket that is a file',
      { code: 'ECONNREFUSED', syscall: 'connect', path: '/run/s' },
      'busy',
    ],
    [
      'a connection',
      { code: 'ETIMEDOUT', syscall: 'connect', address: '10.0.0.1', port: 80 },
      'busy',
    ],
    ['a client that only gives a code', { code: 'ETIMEDOUT' }, 'busy'],
  ])('%s', (_, properties, kind) => {
    expect(classifyFailure(withProperties(properties))).toBe(kind);
  });
});

const policy: fc.Arbitrary<RetryPolicy> = fc
  .record({
    attempts: fc.integer({ min: 1, max: 20 }),
    initialDelayMs: fc.nat({ max: 10_000 }),
    maxDelayMs: fc.nat({ max: 100_000 }),
    factor: fc.oneof(fc.double({ min: 1, max: 10, noNaN: true }), fc.constant(Number.MAX_VALUE)),
    jitter: fc.constantFrom('full', 'equal', 'none'),
    busyForMs: fc.constantFrom(1, 60_000, Number.POSITIVE_INFINITY),
  })
  .map((full) => Object.assign(full, { maxDelayMs: full.initialDelayMs + full.maxDelayMs }));
const failures = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 1e6 }));
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoffMs', () => {
  test('stays within the bounds of its jitter and of the policy', () => {
    fc.assert(
      fc.property(policy, failures, random, (one, n, chance) => {
        const delay = backoffMs(one, n, chance);
        const whole = backoffMs({ ...one, jitter: 'none' }, n, chance);
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(whole).toBeLessThanOrEqual(one.maxDelayMs);
        expect(whole).toBeGreaterThanOrEqual(one.initialDelayMs);
        expect(delay).toBeLessThanOrEqual(whole);
        const least = { full: 0, equal: Math.floor(whole / 2), none: whole }[one.jitter];
        expect(delay).toBeGreaterThanOrEqual(least);
      }),
      { numRuns: 1000 },
    );
  });

  test('never becomes shorter from one failure to the next', () => {
    fc.assert(
      fc.property(policy, failures, random, (one, n, chance) => {
        expect(backoffMs(one, n + 1, chance)).toBeGreaterThanOrEqual(backoffMs(one, n, chance));
      }),
    );
  });

  test.each([
    ['full', [0, 50, 100]],
    ['equal', [50, 75, 100]],
    ['none', [100, 100, 100]],
  ] as const)('spreads %s jitter over its whole width', (jitter, delays) => {
    const one = { ...DEFAULT_RETRY_POLICY, initialDelayMs: 100, jitter };
    expect([0, 0.5, 0.999_999].map((chance) => backoffMs(one, 1, chance))).toEqual(delays);
  });

  test('grows by its factor up to the longest wait', () => {
    const one = { ...DEFAULT_RETRY_POLICY, jitter: 'none' } as const;
    expect([1, 2, 3, 8, 9, 5_000].map((n) => backoffMs(one, n, 0))).toEqual([
      200, 400, 800, 25_600, 30_000, 30_000,
    ]);
  });
});

describe('decideRetry', () => {
  const one = retryPolicy({ attempts: 3, initialDelayMs: 100, jitter: 'none' });

  test('tries a failure again until its attempts are used up', () => {
    const error = new Error('it broke');
    expect([1, 2, 3, 4].map((n) => decideRetry(one, error, n, 0))).toEqual([
      { action: 'retry', delayMs: 100 },
      { action: 'retry', delayMs: 200 },
      { action: 'give-up' },
      { action: 'give-up' },
    ]);
  });

  test('gives a terminal error up at once', () => {
    expect(decideRetry(one, new TerminalError('bad record'), 1, 0)).toEqual({ action: 'give-up' });
  });

  test('never gives up on busy', () => {
    expect(decideRetry(one, new BusyError('later'), 1_000_000, 0)).toEqual({
      action: 'retry',
      delayMs: 30_000,
    });
  });

  test('gives up on busy when the policy says so, after a last try at the end of its time', () => {
    const limited = { ...one, busyForMs: 10_000 };
    const busy = new BusyError('later');
    const at = (busyMs: number): unknown => decideRetry(limited, busy, 9, 0, busyMs);
    expect([0, 9_500.5, 10_000, 1e9].map(at)).toEqual([
      { action: 'retry', delayMs: 10_000 },
      { action: 'retry', delayMs: 500 },
      { action: 'give-up' },
      { action: 'give-up' },
    ]);
    expect(decideRetry(limited, new Error('failed'), 1, 0, 1e9)).toMatchObject({ action: 'retry' });
  });

  test('whatever was asked for, what is waited is a delay that a timer has, and no hot loop', () => {
    const asked = fc.oneof(fc.double(), fc.constantFrom<unknown>('5', null, {}, 10n, Date.now()));
    fc.assert(
      fc.property(asked, policy, failures, random, (ms, any, n, chance) => {
        const decision = decideRetry(any, new RetryAfterError(ms as number), n, chance);
        if (decision.action === 'give-up') return;
        const { delayMs } = decision;
        expect(delayMs).toBeLessThanOrEqual(Math.max(MAX_ASKED_MS, any.maxDelayMs));
        expect(delayMs).toBeGreaterThanOrEqual(Math.min(backoffMs(any, n, chance), any.busyForMs));
      }),
    );
  });

  test.each([
    ['waits an hour at most, for a point in time, say', Date.now() + 60_000, MAX_ASKED_MS],
    ['waits as long as it was asked to', 45_000, 45_000],
    ['waits no less than its own policy says', 10, 100],
    ['does not mind a time in the past', -5, 100],
    ['does not mind a time that is no number', Number('Wed, 21 Oct 2026 07:28:00 GMT'), 100],
    ['does not mind a time without end', Infinity, 100],
  ])('%s', (_, asked, delayMs) => {
    const error = new RetryAfterError(asked);
    expect(decideRetry(one, error, 1, 0)).toEqual({ action: 'retry', delayMs });
    expect(decideRetry(one, caused(error, 2), 1, 0)).toEqual({ action: 'retry', delayMs });
  });
});

describe('retryPolicy', () => {
  test('fills in the defaults', () => {
    expect(retryPolicy()).toEqual(DEFAULT_RETRY_POLICY);
    expect(retryPolicy({ attempts: 1 })).toEqual({ ...DEFAULT_RETRY_POLICY, attempts: 1 });
    expect(retryPolicy(3)).toEqual({ ...DEFAULT_RETRY_POLICY, attempts: 3 });
  });

  test.each([
    [
      '3' as never,
      'retry must be a number of attempts, or an object such as { attempts: 3 }; it is "3".',
    ],
    [
      null as never,
      'retry must be a number of attempts, or an object such as { attempts: 3 }; it is null.',
    ],
    [{ attempts: 0 }, 'retry.attempts must be a whole number from 1; it is 0.'],
    [{ attempts: 1.5 }, 'retry.attempts must be a whole number from 1; it is 1.5.'],
    [{ initialDelayMs: -1 }, 'retry.initialDelayMs must be 0 or more milliseconds; it is -1.'],
    [{ initialDelayMs: NaN }, 'retry.initialDelayMs must be 0 or more milliseconds; it is NaN.'],
    [{ maxDelayMs: 10 }, 'retry.maxDelayMs must be no less than initialDelayMs; it is 10.'],
    [
      { maxDelayMs: Infinity },
      'retry.maxDelayMs must be less than 2^31 milliseconds (24 days); it is Infinity.',
    ],
    [
      { busyForMs: 0 },
      'retry.busyForMs must be a number of milliseconds above 0, or Infinity; it is 0.',
    ],
    [
      { busyForMs: NaN },
      'retry.busyForMs must be a number of milliseconds above 0, or Infinity; it is NaN.',
    ],
    [{ factor: 0.5 }, 'retry.factor must be a number from 1; it is 0.5.'],
    [{ factor: Infinity }, 'retry.factor must be a number from 1; it is Infinity.'],
    [{ attemps: 3 } as object, 'There is no option of retry "attemps": did you mean attempts?'],
    [{ jitter: 'some' as 'full' }, 'retry.jitter must be full, equal or none; it is some.'],
  ])('refuses %j with a sentence', (wrong, sentence) => {
    expect(() => retryPolicy(wrong)).toThrow(new LeatError('invalid-pipeline', sentence));
  });
});
