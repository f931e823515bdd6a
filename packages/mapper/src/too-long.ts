import { TerminalError } from '@leat/core';
import { KEPT, type Made } from './outcome.ts';

/**
 * How many characters the results of a chunk may have together: a quarter of what a text can hold, so that any
 * service can read it, and may have to escape some of it.
 */
export const MAX_RESULTS: number = 2 ** 27;

/** A result is too long for a chunk. */
class ResultTooLong extends TerminalError {
  override readonly name: string = 'ResultTooLong';
}

/**
 * Gives up the records whose results are too long for a chunk: each that is so alone, and where one record for
 * one is not cut, those that come when the others have filled it.
 *
 * @param arrived the records as they arrived, for those that are kept
 */
export function withoutTooLong(
  outcomes: readonly Made[],
  arrived: readonly string[],
  { most, isCut }: { readonly most: number; readonly isCut: boolean },
): Made[] {
  let filled = 0;
  return outcomes.map((outcome, index) => {
    const length = lengthOf(outcome === KEPT ? (arrived[index] ?? '') : outcome);
    if (length > most) {
      const sentence = `the result has ${n(length)} characters, and a chunk may have ${n(most)}: make it shorter`;
      return { error: new ResultTooLong(sentence), attempts: 1 };
    }
    if (!isCut && filled + length > most) {
      const sentence = `the results of its chunk have more than ${n(most)} characters together: give the fetcher a smaller chunkSize; tried again, it is a chunk of its own`;
      return { error: new ResultTooLong(sentence), attempts: 1 };
    }
    filled += length;
    return outcome;
  });
}

function lengthOf(outcome: Exclude<Made, typeof KEPT>): number {
  if (typeof outcome === 'string') return outcome.length;
  return 'error' in outcome ? 0 : outcome.reduce((sum, line) => sum + line.length, 0);
}

function n(count: number): string {
  return count.toLocaleString('en');
}
