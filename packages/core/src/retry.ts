import { BusyError, LeatError, RetryAfterError, TerminalError } from './errors.ts';
import { noSuchName } from './nearest.ts';
import { causesOf, isA, partOf } from './thrown.ts';

/** How long to wait between one attempt and the next. */
export interface Backoff {
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

/** When a failed record or chunk is tried again, and when it is given up. */
export interface RetryPolicy extends Backoff {
  /**
   * How often it may fail before it is given up. Busy does not count.
   * @defaultValue `5`
   */
  readonly attempts: number;
  /**
   * The longest that a record may be busy in a row before it is given up, in milliseconds.
   * @defaultValue `Infinity`: as long as it takes
   */
  readonly busyForMs: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 5,
  initialDelayMs: 200,
  maxDelayMs: 30_000, // 30 s
  factor: 2,
  jitter: 'full',
  busyForMs: Number.POSITIVE_INFINITY,
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

const BUSY_STATUS: ReadonlySet<unknown> = new Set([429, 503]);
/**
 * What only a connection says of the one at its other end. Not `ENOTFOUND`: a host that does not exist will not
 * be there later. Not `EPIPE`: a child process that has ended gives it, and a connection that is made again after
 * it says by itself whether the other end is away.
 */
const BUSY_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);
/** The longest wait that is granted, whatever was asked for. */
export const MAX_ASKED_MS = 3_600_000; // 1 h

/**
 * Sorts anything that was thrown: `TerminalError` is fatal; `BusyError`, the HTTP statuses 429 and 503
 * and lost or refused connections are busy (looked for along `cause` as well, where `fetch` puts them);
 * everything else has failed. It never throws, whatever a getter or a proxy does.
 */
export function classifyFailure(error: unknown): FailureKind {
  for (const at of causesOf(error)) {
    if (isA(at, TerminalError)) return 'fatal';
    if (isA(at, BusyError)) return 'busy';
    // A child process or a file has the codes of connections, too, and nobody else is busy then.
    if (isOfThisMachine(at)) return 'failed';
    // HTTP clients and Node.js put them on their errors.
    if (BUSY_STATUS.has(partOf(at, 'status'))) return 'busy';
    if (BUSY_STATUS.has(partOf(at, 'statusCode'))) return 'busy';
    if (BUSY_CODES.has(partOf(at, 'code'))) return 'busy';
  }
  return 'failed';
}

/** Whether Node.js says that a child process or a file has failed, by what it puts on its errors. */
function isOfThisMachine(error: object): boolean {
  if (partOf(error, 'spawnargs') !== undefined) return true;
  const syscall = partOf(error, 'syscall');
  if (typeof syscall !== 'string') return false;
  if (syscall.startsWith('spawn')) return true;
  return typeof partOf(error, 'path') === 'string' && syscall !== 'connect';
}

/** How long the callee asked to be left alone, in milliseconds, as far as that is granted. */
function askedMs(error: unknown): number {
  for (const at of causesOf(error)) {
    if (!isA(at, RetryAfterError)) continue;
    const delayMs = partOf(at, 'retryAfterMs');
    // `Number(a date)` is not a number.
    return Number.isFinite(delayMs) ? Math.min(delayMs as number, MAX_ASKED_MS) : 0;
  }
  return 0;
}

/**
 * Decides after a failure.
 *
 * @param failures how often it has failed, this time included; for busy, how often it was busy in a row
 * @param random a number in [0, 1)
 * @param busyMs for busy, how long it has been so in a row
 */
export function decideRetry(
  policy: RetryPolicy,
  error: unknown,
  failures: number,
  random: number,
  busyMs = 0,
): RetryDecision {
  const kind = classifyFailure(error);
  if (kind === 'fatal') return { action: 'give-up' };
  if (kind === 'failed' && failures >= policy.attempts) return { action: 'give-up' };
  const delayMs = Math.max(backoffMs(policy, failures, random), askedMs(error));
  if (kind === 'failed') return { action: 'retry', delayMs };
  const leftMs = policy.busyForMs - busyMs;
  if (leftMs <= 0) return { action: 'give-up' };
  // It is tried a last time when its time is over.
  return { action: 'retry', delayMs: Math.min(delayMs, Math.ceil(leftMs)) };
}

/** How much of the wait is not left to chance. */
const CERTAIN_SHARE = { full: 0, equal: 0.5, none: 1 } as const;

/** The wait after the n-th failure in a row, in milliseconds. */
export function backoffMs(backoff: Backoff, failures: number, random: number): number {
  // A power that is infinite would make nothing of an initial delay of nothing.
  const grown = Math.min(Number.MAX_VALUE, backoff.factor ** (failures - 1));
  const wholeMs = Math.min(backoff.maxDelayMs, backoff.initialDelayMs * grown);
  const certain = CERTAIN_SHARE[backoff.jitter];
  return Math.round(wholeMs * (certain + (1 - certain) * random));
}

/**
 * Fills in the defaults and checks the result.
 *
 * @param policy a number is short for its `attempts`
 * @throws LeatError `invalid-pipeline`
 */
export function retryPolicy(policy: Partial<RetryPolicy> | number = {}): RetryPolicy {
  if (!['number', 'object'].includes(typeof policy) || policy === null) {
    throw new LeatError(
      'invalid-pipeline',
      `retry must be a number of attempts, or an object such as { attempts: 3 }; it is ${JSON.stringify(policy)}.`,
    );
  }
  const given = typeof policy === 'number' ? { attempts: policy } : policy;
  const names = Object.keys(DEFAULT_RETRY_POLICY);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new LeatError('invalid-pipeline', noSuchName('option of retry', unknown, names));
  }
  const full = { ...DEFAULT_RETRY_POLICY, ...given };
  const demand = (isGood: boolean, key: keyof RetryPolicy, expected: string): void => {
    if (isGood) return;
    throw new LeatError(
      'invalid-pipeline',
      `retry.${key} must be ${expected}; it is ${String(full[key])}.`,
    );
  };
  demand(
    Number.isInteger(full.attempts) && full.attempts >= 1,
    'attempts',
    'a whole number from 1',
  );
  demand(full.initialDelayMs >= 0, 'initialDelayMs', '0 or more milliseconds');
  demand(full.maxDelayMs >= full.initialDelayMs, 'maxDelayMs', 'no less than initialDelayMs');
  // Beyond it a timer fires at once.
  demand(full.maxDelayMs < 2 ** 31, 'maxDelayMs', 'less than 2^31 milliseconds (24 days)');
  demand(Number.isFinite(full.factor) && full.factor >= 1, 'factor', 'a number from 1');
  demand(full.busyForMs > 0, 'busyForMs', 'a number of milliseconds above 0, or Infinity');
  demand(['full', 'equal', 'none'].includes(full.jitter), 'jitter', 'full, equal or none');
  return full;
}
