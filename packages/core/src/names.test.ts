import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LeatError } from './errors.ts';
import {
  bucketName,
  checkName,
  isVariableName,
  deadSubject,
  newRunId,
  receiptsConsumer,
  receiptsSubject,
  RESERVED_STAGE_NAMES,
  runOfSubject,
  settledSubject,
  stageSubject,
  streamName,
} from './names.ts';

describe('checkName', () => {
  test.each(['a', 'cities', 'city-names-2', 'a'.repeat(31)])('takes %j', (name) => {
    expect(() => checkName('pipeline', name)).not.toThrow();
    expect(() => checkName('stage', name)).not.toThrow();
  });

  test.each(['', 'A', '2nd', '-a', 'a_b', 'a.b', 'a b', 'a*', 'a>', 'é', 'a\n', 'a'.repeat(32)])(
    'refuses %j',
    (name) => {
      for (const kind of ['pipeline', 'stage'] as const) {
        expect(() => checkName(kind, name)).toThrow(
          new LeatError(
            'invalid-name',
            `The ${kind} name ${JSON.stringify(name)} must be 1 to 31 lower-case letters, digits or hyphens and begin with a letter.`,
          ),
        );
      }
    },
  );

  test.each(RESERVED_STAGE_NAMES)('keeps %j for streams of its own', (name) => {
    expect(() => checkName('stage', name)).toThrow(
      new LeatError(
        'invalid-name',
        `The stage name "${name}" is taken by Leat's own streams: choose another.`,
      ),
    );
    expect(() => checkName('pipeline', name)).not.toThrow();
  });
});

describe('isVariableName', () => {
  test.each(['API_TOKEN', '_', 'A1', 'A'.repeat(128)])('accepts %s', (name) => {
    expect(isVariableName(name)).toBe(true);
  });

  test.each(['', 'token', 's3cr3t', '1A', 'A-B', 'A B', 'A\n', 'A'.repeat(129)])(
    'refuses %j',
    (name) => {
      expect(isVariableName(name)).toBe(false);
    },
  );
});

describe('a run id', () => {
  test.each(['1', 'nightly-2026-11-22', 'a'.repeat(48)])('takes %j', (run) => {
    expect(() => checkName('run', run)).not.toThrow();
  });

  test.each(['', '-a', 'A', 'a.b', 'a*', 'a\n', 'a'.repeat(49)])('refuses %j', (run) => {
    expect(() => checkName('run', run)).toThrow(
      new LeatError(
        'invalid-name',
        `The run id ${JSON.stringify(run)} must be 1 to 48 lower-case letters, digits or hyphens.`,
      ),
    );
  });
});

describe('a parameter name', () => {
  test.each(['a', 'maxRows', 'max-rows', 'größe', '7', 'constructor', 'x'.repeat(128)])(
    'may be %j',
    (name) => {
      expect(() => checkName('parameter', name)).not.toThrow();
    },
  );

  test.each([
    '',
    ' ',
    'a b',
    'a=b',
    'a\n',
    'a\0',
    '__proto__',
    '\uD800',
    '\uFFFD',
    'x'.repeat(129),
  ])('is not %j', (name) => {
    expect(() => checkName('parameter', name)).toThrow(
      new LeatError(
        'invalid-name',
        `The parameter name ${JSON.stringify(name)} must be 1 to 128 characters without spaces, control characters and "=", and not __proto__.`,
      ),
    );
  });
});

test.each(['pipeline', 'stage', 'run', 'parameter'] as const)('a %s is named by text', (kind) => {
  for (const name of [undefined, null, true, 7, ['a'], { toString: () => 'a' }, 1n]) {
    expect(() => checkName(kind, name)).toThrow(
      expect.objectContaining({
        code: 'invalid-name',
        message: expect.stringMatching(/must be text; it is of the type \w+\.$/),
      }),
    );
  }
});

describe('newRunId', () => {
  test('begins with the time', () => {
    expect(newRunId('2026-11-22T10:15:00.123Z', 0)).toBe('20261122-101500-0000');
    expect(newRunId('2026-11-22T10:15:00.123Z', 0.999_999_999)).toBe('20261122-101500-zzzz');
  });

  test('makes a run id that is taken, and that sorts by time', () => {
    const time = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(time, time, random, random, (a, b, chanceA, chanceB) => {
        const [first, second] = [a, b].map((at) => at.toISOString()).toSorted() as [string, string];
        const [left, right] = [newRunId(first, chanceA), newRunId(second, chanceB)];
        expect(() => checkName('run', left)).not.toThrow();
        fc.pre(first.slice(0, 19) !== second.slice(0, 19));
        expect(left < right).toBe(true);
      }),
    );
  });
});

describe('names on the server', () => {
  test('are built from small to large', () => {
    expect(stageSubject('cities', 'enrich', 'r1')).toBe('leat.v1.cities.enrich.r1');
    expect(receiptsSubject('cities', 'r1')).toBe('leat.v1.cities.receipts.r1');
    expect(deadSubject('cities', '*')).toBe('leat.v1.cities.dead.*');
    expect(settledSubject('cities', 'r1')).toBe('leat.v1.cities.dead.r1.settled');
    expect(streamName('cities', 'enrich')).toBe('leat_cities_enrich');
    expect(bucketName('cities')).toBe('leat_cities');
    expect(receiptsConsumer('r1')).toBe('run-r1');
  });

  test('give the run back', () => {
    expect(runOfSubject(stageSubject('cities', 'enrich', '20261122-101500-k3f9'))).toBe(
      '20261122-101500-k3f9',
    );
  });

  test('differ wherever pipeline or stage differ', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/);
    fc.assert(
      fc.property(fc.tuple(name, name), fc.tuple(name, name), (a, b) => {
        const isSame = a[0] === b[0] && a[1] === b[1];
        expect(streamName(...a) === streamName(...b)).toBe(isSame);
        expect(stageSubject(...a, 'r') === stageSubject(...b, 'r')).toBe(isSame);
      }),
    );
  });
});
