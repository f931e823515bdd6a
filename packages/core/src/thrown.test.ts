import { describe, expect, test } from 'vitest';
import { describeThrown, isA, messageOf, partOf } from './thrown.ts';

const refuse = (): never => {
  throw new Error('not even that');
};
const revoked = Proxy.revocable(new Error('gone'), {});
revoked.revoke();
const circular: Record<string, unknown> = {};
circular['self'] = circular;

describe('describeThrown', () => {
  test.each<[string, unknown, string, string]>([
    ['an error', new TypeError('it broke'), 'TypeError', 'it broke'],
    ['a text', 'it broke', 'Thrown', 'it broke'],
    ['nothing', undefined, 'Thrown', 'undefined'],
    ['null', null, 'Thrown', 'null'],
    ['a bigint', 10n, 'Thrown', '10'],
    ['a symbol', Symbol('it broke'), 'Thrown', 'Symbol(it broke)'],
    ['an object without a prototype', Object.create(null), 'Thrown', '[object Object]'],
    ['an object that cannot say what it is', { toString: refuse }, 'Thrown', '[object Object]'],
    ['a part of itself', circular, 'Thrown', '[object Object]'],
    ['a proxy that was revoked', revoked.proxy, 'Thrown', 'something that cannot be read'],
    [
      'a message that throws',
      Object.defineProperty(new Error('bad'), 'message', { get: refuse }),
      'Error',
      'the message of the error cannot be read',
    ],
    [
      'a message and a name that are no texts',
      Object.assign(new Error('bad'), { message: 42, name: Symbol('s') }),
      'Symbol(s)',
      '42',
    ],
    [
      'a proxy whose parts cannot be read',
      new Proxy(new Error('bad'), { get: refuse }),
      'Error',
      'the message of the error cannot be read',
    ],
  ])('has words for %s', (_, thrown, name, message) => {
    expect(describeThrown(thrown)).toMatchObject({ name, message });
    expect(messageOf(thrown)).toBe(message);
  });

  test('has the stack and the code, where there are any', () => {
    const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' });
    const { stack } = lost;
    expect(describeThrown(lost)).toEqual({
      name: 'Error',
      message: 'lost',
      stack,
      code: 'ECONNRESET',
    });
    const bare = Object.assign(new Error('bare'), { stack: undefined });
    expect(describeThrown(bare)).toEqual({ name: 'Error', message: 'bare' });
  });
});

test('what cannot be looked at is of no class, and has no parts', () => {
  expect([isA(new TypeError('a'), Error), isA({}, Error)]).toEqual([true, false]);
  expect(isA(new Proxy({}, { getPrototypeOf: refuse }), Error)).toBe(false);
  expect(partOf(revoked.proxy, 'cause')).toBeUndefined();
  expect(partOf({ cause: 1 }, 'cause')).toBe(1);
});
