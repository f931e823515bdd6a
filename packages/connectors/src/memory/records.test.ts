import {
  expectResumable,
  linesOf,
  numbersOf,
  readAll,
  request,
  sourceContract,
} from '@leat/testing/contracts';
import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { Source } from '@leat/sdk';
import { generate } from './generate.ts';
import { type RecordsInput, records } from './records.ts';

interface City {
  readonly name: string;
}
const cities: readonly City[] = Array.from({ length: 25 }, (_, i) => ({ name: `né ${i}` }));
async function* asynchronous(): AsyncGenerator<City> {
  for (const city of cities) {
    await Promise.resolve();
    yield city;
  }
}

sourceContract('records of an array', { make: () => records(cities) });
sourceContract('records of a set', { make: () => records(new Set(cities)) });
sourceContract('records of a generator function', {
  make: () => records(() => cities.values()),
});
sourceContract('records of an asynchronous generator function', {
  make: () => records(asynchronous),
});

describe('records', () => {
  test('knows the type of what it yields', () => {
    expectTypeOf(records(cities)).toEqualTypeOf<Source<City>>();
    expectTypeOf(records(asynchronous)).toEqualTypeOf<Source<City>>();
    expectTypeOf(records(new Set(['x']))).toEqualTypeOf<Source<string>>();
  });

  test('yields no chunk for nothing', async () => {
    expect(await readAll(records([]))).toEqual({ chunks: [], error: undefined });
    expect(await readAll(records(new Set()))).toEqual({ chunks: [], error: undefined });
  });

  test('tells the share of an array', async () => {
    const fractions = [];
    for await (const { fraction } of records([1, 2, 3, 4]).chunks(request({ chunkSize: 1 }))) {
      fractions.push(fraction);
    }
    expect(fractions).toEqual([0.25, 0.5, 0.75, 1]);
  });

  test('rejects what JSON cannot express', async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const outcome = await readAll(records([1, undefined, 10n, () => {}, circular, null, 'é']));
    expect(linesOf(outcome)).toEqual(['1', 'null', '"é"']);
    expect(numbersOf(outcome)).toEqual([0, 5, 6, -1, -2, -3, -4]);
    expect(outcome.chunks[0]?.rejected).toMatchObject([
      { raw: 'undefined', reason: 'the record is not JSON: it is undefined' },
      { raw: '10n', reason: 'the record is not JSON: it is a bigint' },
      { raw: '[Function (anonymous)]', reason: 'the record is not JSON: it is a function' },
      {
        raw: expect.stringContaining('Circular'),
        reason: expect.stringContaining('self is a part'),
      },
    ]);
  });

  test.each([
    ['a map', { a: new Map([[1, 2]]) }, 'a is an instance of Map'],
    ['a set', [new Set([1])], '0 is an instance of Set'],
    ['a date', { at: new Date(0) }, 'at is an instance of Date'],
    ['not a number', { n: Number.NaN }, 'n is NaN'],
    ['infinity', [1, -Infinity], '1 is -Infinity'],
    ['a symbol', { s: Symbol('s') }, 's is a symbol'],
    ['a hole', [1, undefined], '1 is undefined'],
    ['a method', { a: { run: () => 1 } }, 'a.run is a function'],
    ['a class', new URL('a:b'), 'it is an instance of URL'],
    ['bytes', { b: Buffer.from('a') }, 'b is an instance of Buffer'],
    ['a box', { n: new Number(1) }, 'n is an instance of Number'],
    [
      'a getter that throws',
      {
        get n() {
          throw new Error('no');
        },
      },
      'it cannot be read: no',
    ],
  ])('what JSON would make something else of is rejected: %s', async (_, value, fault) => {
    const both = [records([value, 1]), generate(2, (at) => (at === 0 ? value : 1))];
    for (const source of both) {
      const outcome = await readAll(source);
      expect(linesOf(outcome)).toEqual(['1']);
      const [rejected] = outcome.chunks[0]?.rejected ?? [];
      expect(rejected?.reason).toBe(`the record is not JSON: ${fault}`);
    }
  });

  test('waits for what is a promise by its shape, wherever one may be', async () => {
    const later = <T>(value: T): PromiseLike<T> => ({
      // oxlint-disable-next-line unicorn/no-thenable -- what it is about
      then: (done: never) => (done as (value: T) => never)(value),
    });
    const steps = (): Iterator<unknown> => {
      const inner = cities.values();
      return { next: () => later(inner.next()) as never };
    };
    const sources = [
      generate(25, (at) => later(cities[at])),
      records(cities.map(later)),
      records(() => later(cities)),
      records(() => ({ [Symbol.asyncIterator]: steps }) as never),
    ];
    for (const source of sources) {
      const outcome = await readAll(source);
      expect(linesOf(outcome)).toEqual(cities.map((city) => JSON.stringify(city)));
    }
  });

  test('does not wait for a computed record when it is aborted', async () => {
    const controller = new AbortController();
    const source = generate(2, (at) => (at === 0 ? 1 : new Promise<number>(() => {})));
    const reading = readAll(source, { signal: controller.signal });
    setImmediate(() => controller.abort(new Error('enough')));
    expect((await reading).error).toEqual(new Error('enough'));
  });

  test.each([
    { title: 'a generator object', input: (() => cities.values())() },
    { title: 'an asynchronous generator object', input: asynchronous() },
    { title: 'a stream', input: Readable.from(cities) },
    { title: 'a web stream', input: new ReadableStream<City>() },
  ])('refuses $title at once', ({ input }) => {
    expect(() => records(input as RecordsInput<City>)).toThrow(
      expect.objectContaining({
        code: 'invalid-pipeline',
        message: expect.stringContaining('read only once'),
      }),
    );
  });

  test('refuses a function that returns the same iterator again', async () => {
    const once = cities.values();
    const source = records(() => once);
    expect((await readAll(source)).error).toBeUndefined();
    expect((await readAll(source)).error).toMatchObject({ code: 'invalid-pipeline' });
  });

  test('notices that there are fewer records than before', async () => {
    const { error } = await readAll(records(new Set([1, 2])), { cursor: 5 });
    expect(error).toMatchObject({
      code: 'source-changed',
      message: expect.stringContaining('now there are 2'),
    });
  });

  test('passes on what the iterable throws', async () => {
    const source = records(function* () {
      yield 1;
      throw new Error('broken');
    });
    expect((await readAll(source)).error).toEqual(new Error('broken'));
  });

  test('does not wait for a record when it is aborted', async () => {
    const controller = new AbortController();
    const source = records(async function* () {
      yield 1;
      await new Promise(() => {});
    });
    const reading = readAll(source, { signal: controller.signal, chunkSize: 1 });
    setTimeout(() => controller.abort(new Error('enough')), 5);
    expect((await reading).error).toEqual(new Error('enough'));
  });

  test('lets the iterable clean up when the loop is left', async () => {
    let isClosed = false;
    const source = records(async function* () {
      try {
        yield* cities;
      } finally {
        isClosed = true;
      }
    });
    for await (const _ of source.chunks(request({ chunkSize: 1 }))) break;
    expect(isClosed).toBe(true);
  });
});

describe('a full chunk is there before the next record is', () => {
  const never = new Promise<never>(() => undefined);
  /** Gives records until it waits without end. */
  const upTo = (count: number) =>
    async function* () {
      for (let n = 0; n < count; n++) yield n;
      await never;
    };
  const promises = (count: number) => [...Array.from({ length: count }, (_, n) => n), never];

  test.each([
    { what: 'an iterable', source: records(upTo(4)), limits: { chunkSize: 2 } },
    { what: 'its bytes', source: records(upTo(4)), limits: { chunkSize: 9, maxBytes: 4 } },
    { what: 'promises', source: records(promises(4)), limits: { chunkSize: 2 } },
    {
      what: 'generate',
      source: generate(9, (n) => (n < 4 ? n : never)),
      limits: { chunkSize: 2 },
    },
  ])('$what', async ({ source, limits }) => {
    const controller = new AbortController();
    const { signal } = controller;
    const bodies: string[] = [];
    const cursors: unknown[] = [];
    const reading = async (): Promise<void> => {
      for await (const { body, nextCursor } of source.chunks(request({ ...limits, signal }))) {
        bodies.push(Buffer.from(body).toString());
        cursors.push(nextCursor);
        if (bodies.length === 2) controller.abort(new Error('both are there'));
      }
    };
    await expect(reading()).rejects.toThrow('both are there');
    expect(bodies).toEqual(['0\n1\n', '2\n3\n']);
    expect(cursors).toEqual([2, 4]);
  });
});

test('records ships any values and goes on from anywhere', async () => {
  const limits = fc.record({
    chunkSize: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 80 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 30 }),
      limits,
      async (values, options) => {
        const whole = await readAll(records(values), options);
        expect(linesOf(whole)).toEqual(values.map((value) => JSON.stringify(value)));
        await expectResumable(records(values), whole, options);
        expect(
          await readAll(
            records(() => values.values()),
            options,
          ),
        ).toEqual(whole);
      },
    ),
  );
});
