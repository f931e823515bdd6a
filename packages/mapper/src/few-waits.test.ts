import { expect, test } from 'vitest';
import { FewWaits } from './few-waits.ts';

/** Few waits of a chunk of four records, and how many chunks count for nothing. */
function start() {
  let waiting = 0;
  const pace = { waits: () => waiting++, waited: () => waiting-- };
  const few = new FewWaits(pace, 4);
  const wait = (position: string, isCalled = false): number => {
    few.onWait(position, { reason: 'busy', sinceMs: 0, isCalled });
    return waiting;
  };
  const settle = (position: string): number => {
    few.onWait(position, undefined);
    return waiting;
  };
  return { few, wait, settle, waiting: () => waiting };
}

test('a chunk counts for nothing while up to half of its records wait, however often they are tried', () => {
  const { wait, settle } = start();
  expect([wait('a'), wait('a'), wait('b'), wait('c'), settle('c'), settle('a')]).toEqual([
    1, 1, 1, 0, 1, 1,
  ]);
  expect(settle('b')).toBe(0);
});

test('a call that does not return holds its slot', () => {
  const { wait } = start();
  expect(wait('a', true)).toBe(0);
});

test('a chunk that ends while its records wait counts no more', () => {
  const { few, wait, waiting } = start();
  wait('a');
  few.end();
  expect(waiting()).toBe(0);
  few.end();
  expect(waiting()).toBe(0);
});
