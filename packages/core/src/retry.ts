import { BusyError, LeatError, RetryAfterError, TerminalError } from './errors.ts';

/** When a failed record or chunk is tried again, and when it is given up. */
export interface RetryPolicy {
  /**
   * How often it may fail before it is given up. Busy does not count.
   * @defaultValue `5`
   */
  readonly attempts: number;
  /**
   * The wait after the first failure, in milliseconds, before jitter.
   * @defaultValue `200`
   */
  readonly initialDelayMs: number;
  /**
   * The longest wait, in milliseconds.
   * @defaultValue `30_000` (30 s)
   */
  readonly maxDelayMs: number;
  /**
   * By how much each wait is longer than the one before.
   * @defaultValue `2`
   */
  readonly factor: number;
  /**
   * How much of the wait is left to chance, so that replicas do not come back together: `full` waits
   * between nothing and all of it, `equal` between half and all of it, `none` all of it
   * (M. Brooker, "Exponential Backoff And Jitter", 2015).
   * @defaultValue `'full'`
   */
  readonly jitter: 'full' | 'equal' | 'none';
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 5,
  initialDelayMs: 200,
  maxDelayMs: 30_000, // 30 s
  factor: 2,
  jitter: 'full',
};

/**
 * Why something did not succeed. *Busy*: somebody else cannot take it now; wait, use up nothing.
 * *Failed*: it may succeed another time. *Fatal*: it never will.
 */
export type FailureKind = 'busy' | 'failed' | 'fatal';

/** What to do after a failure. */
export type RetryDecision =
  | { readonly action: 'retry'; readonly delayMs: number }
  | { readonly action: 'give-up' };

const BUSY_STATUS = new Set([429, 503]);
const BUSY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/**
 * Sorts anything that was thrown: `TerminalError` is fatal; `BusyError`, the HTTP statuses 429 and 503
 * and lost or refused connections are busy (looked for along `cause` as well, where `fetch` puts them);
 * everything else has failed.
 */
export function classifyFailure(error: unknown): FailureKind {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof TerminalError) return 'fatal';
    if (at instanceof BusyError) return 'busy';
    const { status, statusCode, code } = at as Error & Record<string, unknown>;
    if (BUSY_STATUS.has((status ?? statusCode) as number)) return 'busy';
    if (BUSY_CODES.has(code as string)) return 'busy';
  }
  return 'failed';
}

/**
 * Decides after a failure.
 *
 * @param failures how often it has failed, this time included; for busy, how often it was busy in a row
 * @param random a number in [0, 1)
 */
export function decideRetry(
  policy: RetryPolicy,
  error: unknown,
  failures: number,
  random: number,
): RetryDecision {
  const kind = classifyFailure(error);
  if (kind === 'fatal') return { action: 'give-up' };
  if (kind === 'failed' && failures >= policy.attempts) return { action: 'give-up' };
  const delayMs = backoffMs(policy, failures, random);
  const askedMs = error instanceof RetryAfterError ? error.retryAfterMs : 0;
  return { action: 'retry', delayMs: Math.max(delayMs, askedMs) };
}

/** The wait after the n-th failure in a row, in milliseconds. */
export function backoffMs(policy: RetryPolicy, failures: number, random: number): number {
  const wholeMs = Math.min(
    policy.maxDelayMs,
    policy.initialDelayMs * policy.factor ** Math.min(failures - 1, 64),
  );
  switch (policy.jitter) {
    case 'full':
      return Math.round(wholeMs * random);
    case 'equal':
      return Math.round((wholeMs / 2) * (1 + random));
    case 'none':
      return wholeMs;
  }
}

/**
 * Fills in the defaults and checks the result.
 *
 * @throws LeatError `invalid-pipeline`
 */
export function retryPolicy(policy: Partial<RetryPolicy> = {}): RetryPolicy {
  const full = { ...DEFAULT_RETRY_POLICY, ...policy };
  const demand = (isGood: boolean, key: keyof RetryPolicy, expected: string): void => {
    if (isGood) return;
    throw new LeatError(
      'invalid-pipeline',
      `retry.${key} must be ${expected}; it is ${String(full[key])}.`,
    );
  };
  demand(Number.isInteger(full.attempts) && full.attempts >= 1, 'attempts', 'a whole number from 1');
  demand(full.initialDelayMs >= 0, 'initialDelayMs', '0 or more milliseconds');
  demand(full.maxDelayMs >= full.initialDelayMs, 'maxDelayMs', 'no less than initialDelayMs');
  demand(full.factor >= 1, 'factor', '1 or more');
  demand(['full', 'equal', 'none'].includes(full.jitter), 'jitter', 'full, equal or none');
  return full;
}
