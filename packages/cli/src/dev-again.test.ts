import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { devAgain } from './dev-again.ts';
import { shellWord } from './shell-word.ts';

const PLAIN = { file: 'pipeline.ts', run: 'run-1', isPlain: true, stateDir: undefined };

test.each([
  ['the file is enough', {}, 'leat dev pipeline.ts'],
  ['parameters were given', { isPlain: false }, 'leat dev pipeline.ts --run run-1'],
  [
    'the state is elsewhere',
    { stateDir: 'my state' },
    "leat dev pipeline.ts --state-dir 'my state'",
  ],
  ['the file has a quote', { file: "it's.ts" }, String.raw`leat dev 'it'\''s.ts'`],
])('the command that goes on, where %s', (_, given, command) => {
  expect(devAgain({ ...PLAIN, ...given })).toBe(command);
});

test('whatever text is one word to a shell, and the same one', () => {
  const texts = fc.sample(fc.string({ unit: 'grapheme', minLength: 1 }), 200);
  const words = [...texts, '$HOME', '`id`', 'a b', '*', '~', '-n', "'"].filter(
    (text) => !/[\0\p{Surrogate}]/u.test(text),
  );
  const script = `printf '%s\\0' ${words.map((text) => shellWord(text)).join(' ')}`;
  const printed = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  expect(printed.split('\0').slice(0, -1)).toEqual(words);
});
