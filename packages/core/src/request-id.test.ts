import { expect, test } from 'vitest';
import { requestId } from './request-id.ts';

test.each([
  ['42', 7, 'r1/42/7'],
  ['42.1-2', 7, 'r1/42/7'],
  ['42~1-17', 7, 'r1/42/7'],
  ['42.0-3~1-17-2.1-2', 7, 'r1/42/7'],
  ['0', 0, 'r1/0/0'],
])('is the same wherever the record is: %s', (chunk, number, id) => {
  expect(requestId('r1', chunk, number)).toBe(id);
});
