import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  causesOf,
  describeThrown,
  isA,
  MAX_CAUSES,
  messageOf,
  partOf,
  type ThrownDescription,
} from './thrown.ts';

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
    ['an object without a prototype', Object.create(null), 'Thrown', '{}'],
    ['an object that cannot say what it is', { toString: refuse }, 'Thrown', '{}'],
    ['an object', { code: 17, text: 'quota' }, 'Thrown', '{"code":17,"text":"quota"}'],
    ['an array', ['a', { b: 1 }], 'Thrown', '["a",{"b":1}]'],
    ['a function', refuse, 'Thrown', String(refuse)],
    ['a date', new Date(Number.NaN), 'Thrown', 'Invalid Date'],
    ['what only looks like an error', { message: 'it broke' }, 'Thrown', 'it broke'],
    [
      'an error of another context',
      runInNewContext("new TypeError('it broke')"),
      'TypeError',
      'it broke',
    ],
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
    const cause = { name: 'Thrown', message: 'reset' };
    expect(describeThrown(Object.assign(lost, { cause: 'reset' }))).toMatchObject({ cause });
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

test('of several errors in one, the first says what happened; else a code does', () => {
  const each = new Error('connect ECONNREFUSED ::1:5432');
  expect(messageOf(new AggregateError([each, new Error('another')]))).toBe(each.message);
  expect(messageOf(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
  expect(messageOf(new Error(''))).toBe('');
  let nested = new AggregateError([each]);
  for (let depth = 1; depth < MAX_CAUSES; depth++) nested = new AggregateError([nested]);
  expect(messageOf(nested)).toBe('');
});

test('causes are looked into to a depth, whatever they are', () => {
  const own: { cause?: unknown } = new Error('its own cause');
  own.cause = own;
  expect([...causesOf(own)]).toHaveLength(MAX_CAUSES);
  expect([...causesOf('a text'), ...causesOf(null)]).toEqual([]);
  let depth = 0;
  for (let at: ThrownDescription | undefined = describeThrown(own); at; at = at.cause) depth++;
  expect(depth).toBe(MAX_CAUSES);
});

test('a text is cut', () => {
  const { message } = describeThrown(new Error('x'.repeat(1_000_000)));
  expect(message).toHaveLength(16_385);
  expect(message.endsWith('x…')).toBe(true);
});

/** Behind a function, because fast-check itself looks at its values. */
type Hidden = () => unknown;
/** What may stand anywhere in what is thrown. */
const part: fc.Arbitrary<Hidden> = fc.oneof(
  fc
    .anything({ withBigInt: true, withDate: true, withSparseArray: true, withNullPrototype: true })
    .map((value) => () => value),
  fc.constantFrom('refuse', 'circular', 'revoked', 'symbol', 'map', 'long').map(
    (kind) => () =>
      ({
        refuse,
        circular,
        revoked: revoked.proxy,
        symbol: Symbol('s'),
        map: new Map(),
        long: 'x'.repeat(50_000),
      })[kind],
  ),
);
/** An error, or another object, whose parts are anything, or throw when they are read. */
const hostile: fc.Arbitrary<Hidden> = fc
  .tuple(
    fc.constantFrom('error', 'errors', 'object', 'function'),
    fc.dictionary(
      fc.constantFrom('name', 'message', 'stack', 'code', 'cause', 'errors', 'toString', 'toJSON'),
      fc.tuple(part, fc.boolean()),
    ),
    fc.subarray(['get', 'getPrototypeOf', 'has', 'ownKeys', 'getOwnPropertyDescriptor']),
  )
  .map(([kind, parts, traps]) => () => {
    const errors = new AggregateError([1]);
    const object = {};
    const thrown = { error: new Error('bad'), errors, object, function: refuse.bind(null) }[kind];
    // To redefine a stack, V8 makes it first, of name and message.
    const stackFirst = Object.entries(parts).toSorted(([key]) => (key === 'stack' ? -1 : 0));
    for (const [key, [value, isThrowing]] of stackFirst) {
      const how = isThrowing ? { get: refuse } : { value: value() };
      Object.defineProperty(thrown ?? {}, key, { ...how, configurable: true });
    }
    const handler = Object.fromEntries(traps.map((trap) => [trap, refuse]));
    return traps.length === 0 ? thrown : new Proxy(thrown ?? {}, handler);
  });

test('whatever is thrown, what is said of it is plain, of some length, and stays the same as JSON', () => {
  fc.assert(
    fc.property(fc.oneof(part, hostile), (thrown) => {
      const described = describeThrown(thrown());
      expect(JSON.parse(JSON.stringify(described))).toStrictEqual({ ...described });
      expect(structuredClone(described)).toStrictEqual(described);
      let depth = 0;
      for (let at: ThrownDescription | undefined = described; at; at = at.cause) {
        const { cause: _, ...texts } = at;
        const all: unknown[] = Object.values(texts);
        expect(all.every((text) => typeof text === 'string' && text.length < 17_000)).toBe(true);
        depth++;
      }
      expect(depth).toBeLessThanOrEqual(MAX_CAUSES);
      expect([typeof described.name, typeof described.message]).toEqual(['string', 'string']);
    }),
    { numRuns: 2_000 },
  );
});
