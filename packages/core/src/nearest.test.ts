import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest, noSuchName } from './nearest.ts';

const OPTIONS = [
  'from',
  'schema',
  'map',
  'flatMap',
  'concurrency',
  'threads',
  'timeoutMs',
  'retry',
];

test.each([
  ['concurency', 'concurrency'],
  ['conucrrency', 'concurrency'],
  ['Concurrency', 'concurrency'],
  ['conc', 'concurrency'],
  ['threads-per-process', 'threads'],
  ['timeout', 'timeoutMs'],
  ['retries', 'retry'],
  ['flatmap', 'flatMap'],
  ['frm', 'from'],
  ['shcema', 'schema'],
])('%s: did you mean %s?', (word, name) => {
  expect(nearest(word, OPTIONS)).toBe(name);
});

test.each(['', 'x', 'ma!!', 'batchSize', 'parallelism'])('%j is near to no name', (word) => {
  expect(nearest(word, OPTIONS)).toBe(undefined);
});

test('the nearest counts, and of equals the first', () => {
  expect(nearest('stop', ['start', 'stops', 'step'])).toBe('stops');
  expect(nearest('stap', ['stop', 'step'])).toBe('stop');
  expect(nearest('anything', [])).toBe(undefined);
});

test('one edit of a word of five characters or more is near to it', () => {
  const word = fc.stringMatching(/^[a-z]{5,12}$/);
  fc.assert(
    fc.property(word, fc.nat(), fc.stringMatching(/^[a-z]$/), (name, place, letter) => {
      const at = place % name.length;
      const before = name.slice(0, at);
      const after = name.slice(at + 1);
      expect(nearest(`${before}${after}`, [name])).toBe(name);
      expect(nearest(`${before}${letter}${after}`, [name])).toBe(name);
      expect(nearest(`${before}${letter}${name.slice(at)}`, [name])).toBe(name);
    }),
  );
});

test('the sentence says what was meant, or what there is', () => {
  expect(noSuchName('option', 'form', OPTIONS)).toBe(
    'There is no option "form": did you mean from?',
  );
  expect(noSuchName('parameter', 'x', ['a', 'b'])).toBe(
    'There is no parameter "x": there are a, b.',
  );
  expect(noSuchName('parameter', 'x', [])).toBe('There is no parameter "x": there are none.');
});
