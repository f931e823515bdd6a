import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from './json.ts';
import type { RunIdentity } from './run-identity.ts';
import { FORMATS } from './format-version.ts';
import { claimSink, formatSinkClaim, parseSinkClaim, type SinkClaim } from './sink-claim.ts';

const IDENTITY: RunIdentity = {
  pipeline: 'cities',
  run: 'r1',
  born: '00000000000b1',
  createdAt: '2026-11-27T00:00:00.000Z',
  graph: 'numbers numbers>out',
  limits: { chunkSize: 100, maxBytes: 524_288 },
  params: { file: 'a.csv' },
};
const CLAIM: SinkClaim = { ...IDENTITY, saver: 'out', sink: 'first-mark' };
const FOUND = formatSinkClaim(CLAIM);

/** As it comes from JSON, which has no -0. */
const json = fc.json().map((text) => JSON.parse(text) as JsonValue);
const claims: fc.Arbitrary<SinkClaim> = fc.record({
  pipeline: fc.string(),
  run: fc.string(),
  born: fc.string(),
  createdAt: fc.string(),
  graph: fc.string({ unit: 'binary' }),
  limits: fc.record({ chunkSize: fc.maxSafeInteger(), maxBytes: fc.maxSafeInteger() }),
  params: fc.dictionary(fc.string(), json, { noNullPrototype: true }),
  saver: fc.string(),
  sink: fc.string(),
});

describe('formatSinkClaim and parseSinkClaim', () => {
  test('are inverse, and take one line', () => {
    fc.assert(
      fc.property(claims, (claim) => {
        expect(formatSinkClaim(claim)).not.toContain('\n');
        expect(parseSinkClaim(formatSinkClaim(claim))).toEqual(claim);
      }),
    );
  });

  test('refuse what was cut off, and whatever else is no claim, and never throw', () => {
    fc.assert(
      fc.property(claims, fc.nat(), (claim, at) => {
        const text = formatSinkClaim(claim);
        expect(parseSinkClaim(text.slice(0, at % text.length))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseSinkClaim(text)).toBeUndefined();
      }),
    );
  });

  test.each<[string, unknown]>([
    ['nothing', null],
    ['a text', 'v1'],
    ['no version', CLAIM],
    ['a newer version', { v: 2, ...CLAIM }],
    ['a version that is a text', { v: '1', ...CLAIM }],
    ...Object.keys(CLAIM).map((key): [string, unknown] => [
      `no ${key}`,
      { v: 1, ...CLAIM, [key]: undefined },
    ]),
    ['a number for a text', { v: 1, ...CLAIM, run: 1 }],
    ['parameters that are nothing', { v: 1, ...CLAIM, params: null }],
    ['parameters that are a list', { v: 1, ...CLAIM, params: ['a'] }],
    ['limits that are nothing', { v: 1, ...CLAIM, limits: null }],
    ['a limit that is no number', { v: 1, ...CLAIM, limits: { chunkSize: '1', maxBytes: 1 } }],
    ['a limit that is not whole', { v: 1, ...CLAIM, limits: { chunkSize: 1, maxBytes: 1.5 } }],
  ])('refuse %s', (_, value) => {
    expect(parseSinkClaim(JSON.stringify(value))).toBeUndefined();
  });
});

describe('claimSink', () => {
  const claim = (
    found: string | undefined,
    changes: Partial<RunIdentity> = {},
    isRecovered = false,
    saver = 'out',
  ): string =>
    claimSink(found, { identity: { ...IDENTITY, ...changes }, saver, isRecovered }, 'new');
  const refused = (message: RegExp): unknown =>
    expect.objectContaining({ code: 'sink-taken', message: expect.stringMatching(message) });
  const attempt = (...given: Parameters<typeof claim>): unknown => {
    try {
      return claim(...given);
    } catch (error) {
      return error;
    }
  };

  test.each([false, true])(
    'makes a sink that has nothing of the run its own: recovered %s',
    (is) => {
      expect(parseSinkClaim(claim(undefined, {}, is))).toEqual({ ...CLAIM, sink: 'new' });
    },
  );

  test('keeps what the sink has of the same run, byte for byte', () => {
    const spaced = JSON.stringify({ v: 1, ...CLAIM }, undefined, 1);
    expect(claim(FOUND)).toBe(FOUND);
    expect(claim(spaced)).toBe(spaced);
    // Which graph and limits a run has is its fetcher's to watch over.
    expect(claim(FOUND, { graph: 'other', limits: { chunkSize: 1, maxBytes: 1 } })).toBe(FOUND);
    expect(claim(FOUND, {}, true)).toBe(FOUND);
  });

  test('goes on with what an earlier version has left, for a run of that time', () => {
    expect(parseSinkClaim(claim('', { born: '' }))).toEqual({ ...CLAIM, born: '', sink: 'new' });
  });

  test('goes on with what an earlier version has left, if the operator wants it', () => {
    expect(parseSinkClaim(claim('', {}, true))).toEqual({ ...CLAIM, sink: 'new' });
  });

  test('refuses a new run where an earlier version has left something', () => {
    expect(attempt('')).toEqual(
      refused(
        /^The sink of the saver out has a run r1 without a claim: an earlier version of Leat wrote it, or .* --recover\.$/,
      ),
    );
  });

  test.each([false, true])('refuses what it does not understand, recovered %s', (isRecovered) => {
    const damaged = JSON.stringify({ v: FORMATS.claim, ...CLAIM, saver: undefined });
    expect(attempt(damaged, {}, isRecovered)).toEqual(
      refused(/what this version of Leat does not understand: use the version that wrote it\.$/),
    );
  });

  test.each([false, true])('leaves alone what is newer, recovered %s', (isRecovered) => {
    const newer = JSON.stringify({ ...CLAIM, v: FORMATS.claim + 1 });
    expect(attempt(newer, {}, isRecovered)).toMatchObject({
      code: 'newer-version',
      message: expect.stringMatching(
        /^The claim on the sink of the saver out, for the run r1, has version/,
      ),
    });
  });

  test.each([false, true])('refuses a claim of another run id, recovered %s', (isRecovered) => {
    expect(attempt(FOUND, { run: 'r2' }, isRecovered)).toEqual(
      refused(/has the run r1, and this is r2: put it back to where that run has written it\.$/),
    );
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['another value', { file: 'b.csv' }, /\(file="a\.csv"; now file="b\.csv"\)/],
    ['none', {}, /\(file="a\.csv"; now none\)/],
    ['more', { file: 'a.csv', a: '1' }, /\(file="a\.csv"; now a="1", file="a\.csv"\)/],
  ])('goes not on with a run that had other parameters: %s', (_, params, expected) => {
    const later = { born: '00000000000b2', params };
    expect(attempt(FOUND, later, true)).toEqual(refused(expected));
    expect(attempt(FOUND, later, true)).toEqual(refused(/give the same with --param/));
  });

  test.each([false, true])('refuses a run of another pipeline, recovered %s', (isRecovered) => {
    expect(attempt(FOUND, { pipeline: 'rivers' }, isRecovered)).toEqual(
      refused(/of the pipeline cities, and this is one of rivers: choose another run id/),
    );
    // Also one that was begun at the same time, as far as its mark says.
    const other = { pipeline: 'rivers', born: '00000000000b2' };
    expect(attempt(FOUND, other, isRecovered)).toEqual(refused(/of the pipeline cities/));
  });

  test('refuses another run of the pipeline, and says when the one began', () => {
    expect(attempt(FOUND, { born: '00000000000b2' })).toEqual(
      refused(/has another run r1 .* began at 2026-11-27T00:00:00.000Z: .* --recover\.$/),
    );
    expect(attempt(FOUND, { born: '' })).toEqual(refused(/has another run r1/));
  });

  test('lets a recovered run go on with the sink, which keeps its mark', () => {
    const born = '00000000000b2';
    const text = claim(FOUND, { born, createdAt: 'later' }, true, 'renamed');
    expect(parseSinkClaim(text)).toEqual({
      ...CLAIM,
      born,
      createdAt: 'later',
      saver: 'renamed',
      sink: 'first-mark',
    });
    // From now on it is that run's, also when it comes as if it were not recovered.
    expect(claim(text, { born })).toBe(text);
    expect(attempt(text)).toEqual(refused(/has another run/));
  });

  test.each<[string, Partial<RunIdentity>, RegExp]>([
    [
      'graph',
      { graph: 'numbers numbers>all' },
      /graph "numbers numbers>out", .* "numbers numbers>all"/,
    ],
    [
      'chunkSize',
      { limits: { chunkSize: 50, maxBytes: 524_288 } },
      /chunkSize 100 and maxBytes 524288, .* now has 50 and 524288/,
    ],
    ['maxBytes', { limits: { chunkSize: 100, maxBytes: 9 } }, /now has 100 and 9: put them back/],
  ])('recovers no run with another %s', (_, changes, message) => {
    expect(attempt(FOUND, { born: '00000000000b2', ...changes }, true)).toEqual(refused(message));
  });

  test('of two runs lets in the first, whichever they are, until the second is recovered', () => {
    fc.assert(
      fc.property(claims, fc.stringMatching(/^[0-9a-f]{13}$/), (first, born) => {
        fc.pre(first.born !== born);
        const { saver, sink, ...identity } = first;
        const text = claimSink(undefined, { identity, saver, isRecovered: false }, sink);
        expect(text).toBe(formatSinkClaim(first));
        const second = { identity: { ...identity, born }, saver };
        expect(() => claimSink(text, { ...second, isRecovered: false }, 'x')).toThrow(
          'has another run',
        );
        const recovered = claimSink(text, { ...second, isRecovered: true }, 'x');
        expect(parseSinkClaim(recovered)).toEqual({ ...first, born });
      }),
    );
  });
});
