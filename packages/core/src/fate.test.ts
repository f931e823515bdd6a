import { describe, expect, test } from 'vitest';
import { LeatError, type LeatErrorCode } from './errors.ts';
import { fateOf } from './fate.ts';

const leat = (code: LeatErrorCode): LeatError => new LeatError(code, 'no');

describe('fateOf', () => {
  test.each([
    ['a message that Leat did not write', leat('invalid-message'), 'dropped', 0, true],
    ['a chunk of a run that was cancelled', leat('run-state'), 'given-back', 1_000, false],
    ['a chunk whose sink can never work here', leat('sink-unfit'), 'given-back', 0, true],
    ['a chunk of a run that another fetcher conducts', leat('fenced'), 'given-back', 1_000, true],
    ['a chunk whose file cannot be loaded', leat('invalid-pipeline'), 'given-back', 10_000, true],
    ['a chunk after any other error', new Error('x'), 'given-back', 1_000, true],
    ['a chunk after what is no error', 'x', 'given-back', 1_000, true],
  ] as const)('%s', (_, error, outcome, delayMs, isFault) => {
    for (const random of [0, 0.5, 1]) {
      const about = delayMs * (0.5 + random);
      expect(fateOf(error, false, random)).toEqual({ outcome, delayMs: about, isFault });
    }
    const left = { outcome: 'given-back', delayMs: 0, isFault: false };
    expect(fateOf(error, true, 0.5)).toEqual(left);
  });
});
