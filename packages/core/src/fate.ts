import { LeatError } from './errors.ts';
import { isA } from './thrown.ts';

/** After an error of Leat's own making, so that a chunk does not go round and round at full speed. */
const TROUBLE_DELAY_MS = 1_000;
/** After one that only a person can mend. */
const MENDING_DELAY_MS = 10_000;

/** What becomes of a chunk when the work on it ended with an error. */
export interface Fate {
  /** Given back, some replica works on it again; dropped, none does: it is not Leat's. */
  readonly outcome: 'given-back' | 'dropped';
  /**
   * For how long no replica gets it, in milliseconds; never twice the same: replicas that take turns would have a chunk
   * always before the one replica that can work on it.
   */
  readonly delayMs: number;
  /** Whether something is wrong: not so where the run was cancelled, or this process must end at once. */
  readonly isFault: boolean;
}

/**
 * Decides what becomes of a chunk by the error that ended the work on it.
 *
 * @param isAborted whether this process gives back all that it has in hand
 * @param random from 0 to 1, as `Math.random` gives it
 */
export function fateOf(error: unknown, isAborted: boolean, random: number): Fate {
  if (isAborted) return { outcome: 'given-back', delayMs: 0, isFault: false };
  const code = isA(error, LeatError) ? error.code : undefined;
  if (code === 'invalid-message') return { outcome: 'dropped', delayMs: 0, isFault: true };
  if (code === 'invalid-pipeline') {
    return { outcome: 'given-back', delayMs: about(MENDING_DELAY_MS, random), isFault: true };
  }
  // A replica whose sink can never work ends; another one may have the sink that is needed.
  const delayMs = code === 'sink-unfit' ? 0 : about(TROUBLE_DELAY_MS, random);
  return { outcome: 'given-back', delayMs, isFault: code !== 'run-state' };
}

/** From half of it to half as much again. */
function about(delayMs: number, random: number): number {
  return Math.round(delayMs * (0.5 + random));
}
