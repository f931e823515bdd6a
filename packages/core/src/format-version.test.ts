import { describe, expect, test } from 'vitest';
import { LeatError } from './errors.ts';
import {
  type Format,
  formatAge,
  formatAgeOf,
  FORMATS,
  isNewerVersion,
  newerVersion,
  unknownFields,
  writtenVersion,
} from './format-version.ts';

const formats = Object.keys(FORMATS) as Format[];

describe('formatAge', () => {
  test.each(formats)('of the format %s compares with what is written today', (format) => {
    const mine = FORMATS[format];
    expect([mine - 1, mine, mine + 1].map((version) => formatAge(format, version))).toEqual([
      'older',
      'mine',
      'newer',
    ]);
    expect(formatAge(format, String(mine))).toBe('mine');
    expect(formatAge(format, String(mine + 1))).toBe('newer');
  });

  test.each([undefined, null, ''])('of %j is older than all versions', (found) => {
    expect(formatAge('chunk', found)).toBe('older');
  });

  test.each([-1, 1.5, Number.NaN, '1.0', ' 1', '-1', 'x', '9'.repeat(30), true, {}, []])(
    'of %j is what this version cannot know',
    (found) => {
      expect(formatAge('chunk', found)).toBe('newer');
    },
  );
});

describe('formatAgeOf', () => {
  test.each<[unknown, string]>([
    [{ v: 1, a: 2 }, 'mine'],
    [{ v: 2 }, 'newer'],
    [{ v: 'next' }, 'newer'],
    [{ v: 0 }, 'older'],
    [{ a: 2 }, 'older'],
    ['pause', 'older'],
    [null, 'older'],
    [undefined, 'older'],
    [7, 'older'],
  ])('of %j is %s', (value, age) => {
    expect(formatAgeOf('wish', value)).toBe(age);
  });
});

test('what only a newer version can read has a sentence that says what to do', () => {
  const error = newerVersion('progress', 'The entry progress.r1', 2);
  expect(error.code).toBe('newer-version');
  expect(error.message).toBe(
    'The entry progress.r1 has version 2 of its format, and this version of Leat reads it up to 1: a newer Leat ' +
      'wrote it. Upgrade this service, or leave the work to services of the newer version.',
  );
  expect(isNewerVersion(error)).toBe(true);
  for (const other of [new LeatError('fenced', ''), new Error('newer-version'), undefined]) {
    expect(isNewerVersion(other)).toBe(false);
  }
  expect(newerVersion('chunk', 'A chunk', 'x').message).toContain('has version "x" of');
});

test('unknown fields are those that are not known, whatever they are called', () => {
  const known = { a: true, b: true } as const;
  expect(unknownFields({ a: 1, c: 2, toString: 3 }, known)).toEqual({ c: 2, toString: 3 });
  expect(unknownFields({ a: 1 }, known)).toEqual({});
  expect(unknownFields(undefined, known)).toEqual({});
});

describe('the version in which a value is written', () => {
  const stages = [
    { name: 'source', kind: 'fetcher' },
    { name: 'work', kind: 'mapper', from: 'source' },
    { name: 'files', kind: 'saver', from: 'work' },
  ] as const;
  const inline = stages.map((stage) =>
    stage.kind === 'saver' ? { ...stage, inline: true } : stage,
  );

  test('is the newest, but for requests that older readers understand', () => {
    expect(writtenVersion('request', { spec: { name: 'p', stages: inline } })).toBe(2);
    expect(writtenVersion('request', { spec: { name: 'p', stages } })).toBe(1);
    const union = { name: 'both', kind: 'saver', from: ['a', 'b'] };
    expect(writtenVersion('request', { spec: { name: 'p', stages: [...inline, union] } })).toBe(3);
    expect(writtenVersion('request', {})).toBe(1);
    expect(writtenVersion('progress', {})).toBe(FORMATS.progress);
  });
});
