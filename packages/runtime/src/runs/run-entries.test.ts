import { FIRST_CHECKPOINT, NO_COUNTS, type RunProgress, type RunRequest } from '@leat/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isRunProgress,
  isRunRequest,
  isSinkIdentity,
  isTrouble,
  progressOf,
  storedProgress,
} from './run-entries.ts';

const AT = '2026-11-27T12:00:00.000Z';
const REQUEST: RunRequest = {
  run: 'r',
  pipeline: 'p',
  params: { a: 'b' },
  spec: { name: 'p', stages: [{ name: 'numbers', kind: 'fetcher' }] },
  createdAt: AT,
  born: '00000000000b1',
  limits: { chunkSize: 100, maxBytes: 524_288 },
  isRecovered: true,
};
const PROGRESS: RunProgress = {
  state: 'running',
  fence: 1,
  startedAt: AT,
  updatedAt: AT,
  sinks: { out: { mark: 'abc', place: 'the folder /data' } },
  versions: { out: ['one', 'two'] },
  ledger: { ...FIRST_CHECKPOINT, source: { sum: 2 ** 32 - 1, isOfSettled: true } },
};

/** As it comes from the bucket. */
const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('isRunRequest', () => {
  test.each<[string, object]>([
    ['all that there is', REQUEST],
    ['parameters of any JSON', { ...REQUEST, params: { count: 3, of: [null] } }],
    ['what an earlier version wrote', { ...REQUEST, born: undefined, limits: undefined }],
  ])('takes %s', (_, value) => {
    expect(isRunRequest(stored(value))).toBe(true);
  });

  test.each<[string, object]>([
    ['a birth mark that is none', { born: '' }],
    ['a birth mark that is too long', { born: '00000000000b12' }],
    ['a birth mark that is a number', { born: 1_000_000_000_000 }],
    ['a birth mark that is null', { born: null }],
    ['limits that are null', { limits: null }],
    ['limits that are a number', { limits: 100 }],
    ['parameters that are null', { params: null }],
    ['no chunkSize', { limits: { maxBytes: 1 } }],
    ['no maxBytes', { limits: { chunkSize: 1 } }],
    ['chunks of no records', { limits: { chunkSize: 0, maxBytes: 1 } }],
    ['chunks of less than no bytes', { limits: { chunkSize: 1, maxBytes: -1 } }],
    ['half a record', { limits: { chunkSize: 1.5, maxBytes: 1 } }],
    ['no end', { limits: { chunkSize: 1e300, maxBytes: 1 } }],
    ['a stage without a kind', { spec: { name: 'p', stages: [{ name: 'numbers' }] } }],
    ['a stage of no kind', { spec: { name: 'p', stages: [{ name: 'n', kind: 'sorter' }] } }],
    ['no parameters', { params: undefined }],
    ['a time that is none', { createdAt: 'yesterday' }],
  ])('refuses %s', (_, changes) => {
    expect(isRunRequest(stored({ ...REQUEST, ...changes }))).toBe(false);
  });
});

describe('isRunProgress', () => {
  const { source: _, ...earlier } = FIRST_CHECKPOINT;

  test.each<[string, object]>([
    ['all that there is', PROGRESS],
    ['what an earlier version wrote', { ...PROGRESS, sinks: undefined, versions: undefined }],
    ['a ledger without checksums', { ...PROGRESS, ledger: earlier }],
    ['what a newer version added', { ...PROGRESS, more: 1, ledger: { ...earlier, more: [1] } }],
    [
      'a redriven record, which takes back what was counted',
      {
        ...PROGRESS,
        ledger: {
          ...earlier,
          settledAbove: [[3, 7]],
          redrives: {
            a: { letter: 1, paths: ['0-2'], counts: { ...NO_COUNTS, in: -1, dead: -1 } },
          },
        },
      },
    ],
  ])('takes %s', (__, value) => {
    expect(isRunProgress(stored(value))).toBe(true);
  });

  const ledgerOf = (changes: object): object => ({ ledger: { ...FIRST_CHECKPOINT, ...changes } });
  const ledgerWith = (source: unknown): object => ledgerOf({ source });

  test.each<[string, object]>([
    ['checksums that are null', ledgerWith(null)],
    ['checksums without a sum', ledgerWith({})],
    ['a sum below nothing', ledgerWith({ sum: -1 })],
    ['a sum that is a text', ledgerWith({ sum: '1' })],
    ['a sum that nobody can hold', ledgerWith({ sum: 1e300 })],
    ['a sink that is null', { sinks: { out: null } }],
    ['a sink without a mark', { sinks: { out: { place: 'x' } } }],
    ['one such sink among others', { sinks: { ...PROGRESS.sinks, more: { mark: '', place: '' } } }],
    ['versions that are no list', { versions: { out: 'one' } }],
    ['versions that are no texts', { versions: { out: [1] } }],
    ['a range without an end', ledgerOf({ settledAbove: [[3]] })],
    ['a range with two ends', ledgerOf({ settledAbove: [[3, 4, 5]] })],
    ['no end of the dataset', ledgerOf({ ended: undefined })],
    ['a share that is a text', ledgerOf({ fraction: '0.5' })],
    [
      'a chunk that is partly settled without its books',
      ledgerOf({ partly: { 3: { paths: [] } } }),
    ],
    [
      'a redriven record without its books',
      ledgerOf({ redrives: { a: { letter: 1, paths: [] } } }),
    ],
  ])('refuses %s', (__, changes) => {
    expect(isRunProgress(stored({ ...PROGRESS, ...changes }))).toBe(false);
  });
});

describe('isSinkIdentity', () => {
  test.each(['a', 'Z-_9', 'x'.repeat(64)])('takes the mark %j', (mark) => {
    expect(isSinkIdentity({ mark, place: '' })).toBe(true);
  });

  test.each(['', 'x'.repeat(65), 'a b', 'a.b', 'é', 'a\n', 7, null, undefined])(
    'refuses the mark %j',
    (mark) => {
      expect(isSinkIdentity({ mark, place: '' })).toBe(false);
    },
  );

  test('refuses a place that is no text', () => {
    expect(isSinkIdentity({ mark: 'a', place: 7 })).toBe(false);
    expect(isSinkIdentity({ mark: 'a' })).toBe(false);
  });
});

test('a state has the name in its entry that the last release reads', () => {
  const ended: RunProgress = { ...PROGRESS, state: 'completed-with-dead-letters' };
  const entry = stored(storedProgress(ended));
  expect(entry).toEqual({ ...PROGRESS, state: 'completed with dead letters' });
  expect(isRunProgress(entry)).toBe(true);
  expect(progressOf(entry as RunProgress)).toEqual(ended);
  expect(isRunProgress(stored(ended))).toBe(true);
  expect(storedProgress(PROGRESS)).toBe(PROGRESS);
  expect(progressOf(PROGRESS)).toBe(PROGRESS);
  expect(isRunProgress({ ...PROGRESS, state: 'completed with' })).toBe(false);
});

describe('isTrouble', () => {
  test.each<[boolean, unknown]>([
    [true, { reason: 'The sink is full.', at: AT }],
    [true, { reason: '', at: AT }],
    [false, { reason: 'The sink is full.' }],
    [false, { reason: 'The sink is full.', at: 'now' }],
    [false, { reason: 'The sink is full.', at: 1 }],
    [false, { at: AT }],
    [false, 'The sink is full.'],
    [false, null],
  ])('%s: %j', (is, value) => {
    expect(isTrouble(value)).toBe(is);
  });
});

test('whatever JSON stands in an entry is judged, and nothing throws', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('limits', 'spec', 'params'), (value, key) => {
      for (const isOurs of [isRunRequest, isRunProgress, isSinkIdentity, isTrouble]) {
        expect(isOurs(value)).toBe(false);
      }
      expect(typeof isRunRequest({ ...REQUEST, [key]: value })).toBe('boolean');
      for (const part of ['sinks', 'versions', 'ledger']) {
        expect(typeof isRunProgress({ ...PROGRESS, [part]: value })).toBe('boolean');
      }
    }),
  );
});
