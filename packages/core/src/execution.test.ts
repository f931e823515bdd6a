import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatExecutions, newExecution, parseExecutions } from './execution.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('newExecution', () => {
  test('gives 8 hexadecimal digits, others for another chance', () => {
    expect([0, 0.5, 1 - 2 ** -33].map(newExecution)).toEqual(['00000000', '80000000', 'ffffffff']);
  });
});

describe('formatExecutions and parseExecutions', () => {
  test('are inverse', () => {
    fc.assert(
      fc.property(fc.array(chance, { maxLength: 5 }), (chances) => {
        const tokens = chances.map(newExecution);
        expect(parseExecutions(formatExecutions(tokens))).toEqual(tokens);
      }),
    );
  });

  test.each(['x', '1234567', '123456789', '12345678,', ',12345678', 'ABCDEF00', '12345678 '])(
    'refuse %j',
    (text) => {
      expect(parseExecutions(text)).toBeUndefined();
    },
  );
});
