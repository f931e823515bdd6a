// oxlint-disable unicorn/no-thenable -- what it is about
import { expect, test } from 'vitest';
import { isThenable } from './thenable.ts';

class Query {
  then(): void {}
}

test.each([
  ['a promise', Promise.resolve(1)],
  ['an object with then', { sql: 'select 1', then: (): void => undefined }],
  ['an instance whose class has then', new Query()],
  ['a function with then', Object.assign(() => 1, { then: (): void => undefined })],
  ['a proxy of a promise', new Proxy(Promise.resolve(1), {})],
])('%s is waited for', (_, value) => {
  expect(isThenable(value)).toBe(true);
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'then'],
  ['an object whose then is not a function', { then: 1 }],
  ['a function', (): number => 1],
  [
    'an object whose then cannot be read',
    Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('no');
      },
    }),
  ],
])('%s is not', (_, value) => {
  expect(isThenable(value)).toBe(false);
});
