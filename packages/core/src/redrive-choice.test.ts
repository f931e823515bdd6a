import { describe, expect, test } from 'vitest';
import { formatChunkId } from './chunk-id.ts';
import {
  type ChosenLetter,
  type DeadLetterChoice,
  isChosen,
  NOT_UTF8,
  redriveOf,
} from './redrive-choice.ts';
import type { PipelineSpec } from './spec.ts';

const LETTER: ChosenLetter = {
  stage: 'work',
  chunk: '42',
  index: 17,
  error: { name: 'RangeError', message: 'too big' },
};

const SPEC: PipelineSpec = {
  name: 'p',
  stages: [
    { name: 'source', kind: 'fetcher' },
    { name: 'work', kind: 'mapper', from: 'source' },
    { name: 'out', kind: 'saver', from: 'work' },
  ],
};

describe('isChosen', () => {
  test.each<readonly [choice: DeadLetterChoice, isMeant: boolean]>([
    [{}, true],
    [{ chunk: '42', index: 17 }, true],
    [{ chunk: '42', index: 16 }, false],
    [{ chunk: '41', index: 17 }, false],
    [{ stage: 'work' }, true],
    [{ stage: 'out' }, false],
    [{ error: 'RangeE' }, true],
    [{ error: 'big' }, true],
    [{ error: 'small' }, false],
    [{ stage: 'work', error: 'small' }, false],
  ])('%o: %s', (choice, isMeant) => {
    expect(isChosen(LETTER, choice)).toBe(isMeant);
  });
});

describe('redriveOf', () => {
  const of = (change: Partial<ChosenLetter>): string => {
    const redrive = redriveOf({ ...LETTER, ...change }, SPEC);
    return typeof redrive === 'string' ? redrive : formatChunkId(redrive);
  };

  test.each<readonly [change: Partial<ChosenLetter>, expected: string]>([
    [{}, '42~1-17'],
    [{ stage: 'out', chunk: '42~1-17.0-2', index: 3 }, '42~1-17.0-2~2-3'],
    [{ stage: 'source' }, 'rejected by the source'],
    [{ stage: 'gone' }, 'rejected by the source'],
    [{ chunk: 'x' }, 'rejected by the source'],
    [{ isCut: true }, 'cut'],
    [{ chunk: `42${'.0-2'.repeat(24)}` }, 'too deep'],
    [{ error: { name: 'InvalidRecord', message: NOT_UTF8 } }, 'not UTF-8'],
  ])('%o: %s', (change, expected) => {
    expect(of(change)).toBe(expected);
  });
});
