import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identityOf, newBirthMark } from './run-identity.ts';

const SPEC = {
  name: 'cities',
  stages: [
    { name: 'numbers', kind: 'fetcher' },
    { name: 'out', kind: 'saver', from: 'numbers' },
  ],
} as const;
const PRESENT = { chunkSize: 100, maxBytes: 1_000, window: 64 };
const AT = '2026-11-27T00:00:00.000Z';

describe('newBirthMark', () => {
  test('is 13 hexadecimal digits for any random number, and others for others', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(random, random, (one, other) => {
        expect(newBirthMark(one)).toMatch(/^[0-9a-f]{13}$/);
        if (Math.abs(one - other) > 2 ** -51)
          expect(newBirthMark(one)).not.toBe(newBirthMark(other));
      }),
    );
  });

  test.each([
    [0, '0000000000000'],
    [2 ** -52, '0000000000001'],
    [0.5, '8000000000000'],
    [1 - 2 ** -53, 'fffffffffffff'],
  ])('of %s is %s', (random, mark) => {
    expect(newBirthMark(random)).toBe(mark);
  });
});

describe('identityOf', () => {
  test('has what the run was asked to do, whatever the pipeline file says by now', () => {
    const limits = { chunkSize: 7, maxBytes: 70 };
    const born = '00000000000b1';
    const request = { run: 'r', pipeline: 'cities', params: {}, spec: SPEC, createdAt: AT };
    expect(identityOf({ ...request, born, limits }, PRESENT)).toEqual({
      pipeline: 'cities',
      run: 'r',
      born,
      createdAt: AT,
      graph: 'numbers numbers>out',
      limits,
      params: {},
    });
  });

  test('of a run of an earlier version has no birth mark, and the limits of the pipeline file', () => {
    const request = { run: 'r', pipeline: 'cities', params: {}, spec: SPEC, createdAt: AT };
    expect(identityOf(request, PRESENT)).toEqual({
      pipeline: 'cities',
      run: 'r',
      born: '',
      createdAt: AT,
      graph: 'numbers numbers>out',
      limits: { chunkSize: 100, maxBytes: 1_000 },
      params: {},
    });
  });
});
