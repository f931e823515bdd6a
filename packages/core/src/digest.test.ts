import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDigest, EMPTY_DIGEST } from './digest.ts';

const digest = fc.stringMatching(/^[0-9a-f]{32}$/).filter((text) => text !== EMPTY_DIGEST);

function total(digests: readonly string[]): string {
  return digests.reduce(addDigest, EMPTY_DIGEST);
}

describe('addDigest', () => {
  test('does not depend on the order', () => {
    fc.assert(
      fc.property(fc.array(digest, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (all, keys) => {
        const shuffled = all
          .map((one) => ({ one, key: keys.next().value }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ one }) => one);
        expect(total(shuffled)).toBe(total(all));
        expect(total(all)).toMatch(/^[0-9a-f]{32}$/);
      }),
    );
  });

  test('notices a chunk that is missing, doubled or changed', () => {
    fc.assert(
      fc.property(fc.array(digest, { minLength: 1, maxLength: 20 }), digest, (all, other) => {
        const [first, ...rest] = all as [string, ...string[]];
        expect(total(rest)).not.toBe(total(all));
        expect(total([first, ...all])).not.toBe(total(all));
        fc.pre(other !== first);
        expect(total([other, ...rest])).not.toBe(total(all));
      }),
    );
  });

  test('notices a chunk that is there twice, where an exclusive or would not', () => {
    const one = '8'.padEnd(32, '1');
    expect(total([one, one])).not.toBe(EMPTY_DIGEST);
  });

  test('wraps around at 128 bits', () => {
    expect(addDigest('f'.repeat(32), '1'.padStart(32, '0'))).toBe(EMPTY_DIGEST);
  });

  test('takes no notice of a chunk that left nothing to save', () => {
    expect(addDigest('a'.repeat(32), '')).toBe('a'.repeat(32));
  });
});
