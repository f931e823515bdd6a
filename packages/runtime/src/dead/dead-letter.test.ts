import { describe, expect, test } from 'vitest';
import { type DeadLetter, isDeadLetter } from './dead-letter.ts';

const LETTER: DeadLetter = {
  pipeline: 'p',
  run: 'r',
  born: '00000000000b1',
  stage: 'squares',
  chunk: '42.0-2',
  index: 0,
  position: 'line 42 of a.ndjson',
  execution: 'e1',
  attempts: 3,
  error: { name: 'Error', message: 'no', stack: 'Error: no' },
  record: '{"n":1}',
  isCut: true,
  at: '2026-11-27T12:00:00.000Z',
};

describe('isDeadLetter', () => {
  const { born: _, execution: __, isCut: ___, ...least } = LETTER;

  test.each<[string, object]>([
    ['all that there is', LETTER],
    [
      'an error with a cause',
      { ...LETTER, error: { ...LETTER.error, code: 'E', cause: { name: 'a', message: 'b' } } },
    ],
    ['what an earlier version wrote', { ...least, error: { name: 'Error', message: 'no' } }],
    ['what a newer version added', { ...LETTER, more: 1, error: { ...LETTER.error, other: 'x' } }],
  ])('takes %s', (_____, value) => {
    expect(isDeadLetter(value)).toBe(true);
  });

  test.each(Object.keys(least))('refuses a letter without its %s', (key) => {
    expect(isDeadLetter({ ...LETTER, [key]: undefined })).toBe(false);
  });

  test.each<[string, object]>([
    ['an index below 0', { index: -1 }],
    ['half an attempt', { attempts: 0.5 }],
    ['an error without a message', { error: { name: 'Error' } }],
    ['a cause that is no error', { error: { ...LETTER.error, cause: 'none' } }],
    ['a stack that is no text', { error: { ...LETTER.error, stack: 1 } }],
    ['an execution that is null', { execution: null }],
    ['a cut that is a text', { isCut: 'yes' }],
  ])('refuses %s', (_____, changes) => {
    expect(isDeadLetter({ ...LETTER, ...changes })).toBe(false);
  });
});
