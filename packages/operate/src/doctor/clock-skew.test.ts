import { expect, test } from 'vitest';
import { clockSkew } from './clock-skew.ts';

test('nothing is known without a reading', () => {
  expect(clockSkew([])).toBeUndefined();
});

test.each([
  ['within the round trip', { sentAt: 100, receivedAt: 150, serverAt: 130 }, 0],
  ['at its end', { sentAt: 100, receivedAt: 150, serverAt: 150 }, 0],
  ['after it', { sentAt: 100, receivedAt: 150, serverAt: 5_150 }, 5_000],
  ['before it', { sentAt: 100, receivedAt: 150, serverAt: -900 }, -1_000],
])('an answer from %s shows what is certain', (_, reading, skew) => {
  expect(clockSkew([reading])).toBe(skew);
});

test('the quickest round trip counts', () => {
  const slow = { sentAt: 0, receivedAt: 10_000, serverAt: 3_000 };
  const quick = { sentAt: 0, receivedAt: 10, serverAt: 3_000 };
  expect(clockSkew([slow, quick])).toBe(2_990);
  expect(clockSkew([quick, slow])).toBe(2_990);
});
