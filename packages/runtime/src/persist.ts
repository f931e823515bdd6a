import { type Backoff, backoffMs, LeatError } from '@leat/core';
import { wait } from './wait.ts';

/** A failure that is waited out. */
export interface Setback {
  readonly error: unknown;
  /** How often it has failed by now, this time included. */
  readonly failures: number;
  /** When it is tried again, in milliseconds. */
  readonly retryInMs: number;
}

export interface PersistOptions {
  readonly backoff: Backoff;
  /**
   * Whether an error is thrown at once, because trying again does not help.
   * @defaultValue an error is final if it is a `LeatError`
   */
  readonly isFinal?: (error: unknown) => boolean;
  /** Called before each wait, to log it or to repair something. What it throws ends the attempts. */
  readonly onWait?: (setback: Setback) => void | Promise<void>;
  /** Ends the attempts. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries an action until it works, with a wait after each failure.
 *
 * @returns what the action gives
 * @throws what is final, or the reason of the signal
 */
export async function persist<T>(action: () => Promise<T>, options: PersistOptions): Promise<T> {
  const { backoff, isFinal = isLeatError, onWait, signal } = options;
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      if (isFinal(error)) throw error;
      const retryInMs = backoffMs(backoff, failures, Math.random());
      await onWait?.({ error, failures, retryInMs });
      await wait(retryInMs, signal);
    }
  }
}

function isLeatError(error: unknown): boolean {
  return error instanceof LeatError;
}
