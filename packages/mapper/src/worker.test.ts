import { BusyError, type RetryPolicy, TerminalError } from '@leat/core';
import { fetcher, mapper, type Mapper, type MapperOptions, type StageContext } from '@leat/sdk';
import { createLogger } from '@leat/runtime';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Job } from './job.ts';
import { wantedUntil } from './watch.ts';
import { WorkClock } from './work-clock.ts';
import { ChunkWorker } from './worker.ts';

const Numbered = z.object({ n: z.number() });
const numbers = fetcher('numbers', {
  source: { kind: 'none', chunks: async function* () {} },
  schema: Numbered,
});
type Options = MapperOptions<typeof Numbered, typeof Numbered>;
type Record_ = z.infer<typeof Numbered>;

const QUICK: Partial<RetryPolicy> = { attempts: 3, initialDelayMs: 1, maxDelayMs: 2 };
const LIMITS = { chunkSize: 100, maxBytes: 1_000_000 };

function workerOf(
  options: Pick<Options, 'map' | 'flatMap' | 'mapChunk'> & Partial<Options>,
): ChunkWorker {
  const stage: Mapper = mapper('work', {
    from: numbers,
    schema: Numbered,
    retry: QUICK,
    ...options,
  } as Options);
  return new ChunkWorker(stage, createLogger({ format: 'json', level: 'silent' }), undefined);
}

function jobOf(records: number, body?: string): Job {
  const lines = Array.from({ length: records }, (_, n) => `{"n":${n}}\n`).join('');
  return {
    run: { id: 'run-1', pipeline: 'p', params: {} },
    limits: LIMITS,
    chunk: '7',
    body: Buffer.from(body ?? lines),
    records,
    position: { source: 'a.csv', unit: 'line', first: 1 },
  };
}

const NEVER = wantedUntil(new AbortController().signal);

function numbersIn(pieces: readonly { readonly body: Uint8Array }[]): number[] {
  const text = pieces.map(({ body }) => Buffer.from(body).toString()).join('');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as Record_).n);
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const turn = (): Promise<void> => new Promise(setImmediate);

describe('filter', () => {
  // As no JSON.stringify writes it.
  const body = '{ "n": 0 }\n{"n":1.0}\n{"n":2,"more":[ ]}\n{"n":3}\n';

  test.each([
    ['at once', ({ n }: Record_) => n > 0],
    ['later', async ({ n }: Record_) => n > 0],
  ])(
    'passes records on byte for byte where the schema leaves them alone, %s',
    async (_, filter) => {
      const worker = workerOf({ filter, schema: undefined } as never);
      const { pieces, filtered, dead } = await worker.work(jobOf(4, body), NEVER);
      const text = pieces.map((piece) => Buffer.from(piece.body).toString()).join('');
      expect(text).toBe('{"n":1.0}\n{"n":2}\n{"n":3}\n');
      expect(pieces.map(({ origins }) => origins)).toEqual([[1, 2, 3]]);
      expect([filtered, dead]).toEqual([1, []]);
    },
  );

  test('buries what it fails at, and a record that does not fit', async () => {
    const filter = ({ n }: Record_): boolean => {
      if (n === 1) throw new TerminalError('one');
      return n === 2 ? (0 as unknown as boolean) : true;
    };
    const worker = workerOf({ filter, schema: undefined } as never);
    const { pieces, dead, filtered } = await worker.work(jobOf(5, `${body}{"n":"x"}\n`), NEVER);
    expect([numbersIn(pieces), filtered]).toEqual([[0, 3], 0]);
    expect(dead.map(({ index, error }) => [index, error.name])).toEqual([
      [1, 'TerminalError'],
      [2, 'InvalidResult'],
      [4, 'InvalidRecord'],
    ]);
  });
});

describe('enrich', () => {
  const body = '{ "n": 0 }\n{"n":1.0,"sum":7}\n{"n":2,"n":3}\n{"n":"x"}\n{"n":5}\n7\n{"n":6}\n';
  const Sum = z.object({ sum: z.number().optional() });
  const from = fetcher('f', {
    source: numbers.source as never,
    schema: z.looseObject({ n: z.any() }),
  });

  function enriching(
    enrich: (n: unknown, context: StageContext) => { sum?: number } | Promise<{ sum?: number }>,
    concurrency = 16,
  ): ChunkWorker {
    const stage = mapper('work', {
      from,
      schema: Sum,
      retry: QUICK,
      concurrency,
      enrich: ({ n }, context) => enrich(n, context),
    });
    return new ChunkWorker(stage, createLogger({ format: 'json', level: 'silent' }), undefined);
  }

  const sumOf = (n: unknown): { sum?: number } => {
    if (typeof n !== 'number') throw new TerminalError('not a number');
    return n === 5 ? {} : { sum: n };
  };

  test.each([
    ['at once', sumOf],
    ['later', async (n: unknown) => sumOf(n)],
  ])('keeps lines and adds to them, or buries the record, %s', async (_, enrich) => {
    const { pieces, dead, expanded, filtered } = await enriching(enrich).work(
      jobOf(7, body),
      NEVER,
    );
    const text = pieces.map((piece) => Buffer.from(piece.body).toString()).join('');
    expect(text).toBe(
      '{ "n": 0 ,"sum":0}\n{"n":1.0,"sum":1}\n{"n":2,"n":3,"sum":3}\n{"n":5}\n{"n":6,"sum":6}\n',
    );
    expect(pieces.map(({ origins }) => origins)).toEqual([[0, 1, 2, 4, 6]]);
    expect([expanded, filtered]).toEqual([0, 0]);
    expect(dead.map(({ index, record, error }) => [index, record, error.name])).toEqual([
      [3, '{"n":"x"}', 'TerminalError'],
      [5, '7', 'InvalidRecord'],
    ]);
  });

  test('passes a chunk on as it is, if nothing is added', async () => {
    const job = jobOf(3);
    const { pieces } = await enriching(() => ({})).work(job, NEVER);
    expect(pieces.map((piece) => piece.body)).toEqual([job.body]);
    expect(pieces[0]?.body).toBe(job.body);
  });

  test('tries records again, so many at once, each with the record as it arrived', async () => {
    const seen: string[] = [];
    const worker = enriching(async (n, { attempt }) => {
      await turn();
      seen.push(String(n));
      if (attempt < 3) throw new Error('not yet');
      return { sum: attempt };
    }, 2);
    const { pieces, retries } = await worker.work(jobOf(2), NEVER);
    const text = pieces.map((piece) => Buffer.from(piece.body).toString()).join('');
    expect([text, retries]).toEqual(['{"n":0,"sum":3}\n{"n":1,"sum":3}\n', 4]);
    expect(seen.join('').split('0')).toHaveLength(4);
  });

  test('gives a record up at once that reads a number which JavaScript rounds', async () => {
    const stage = mapper('work', {
      from,
      enrich: (record) => (record.n === 1 ? { sum: 1 } : { sum: record['id'] }),
    });
    const worker = new ChunkWorker(
      stage,
      createLogger({ format: 'json', level: 'silent' }),
      undefined,
    );
    const lines = '{"id":9007199254740993,"n":1}\n{"id":9007199254740993,"n":2}\n';
    const { pieces, dead, retries } = await worker.work(jobOf(2, lines), NEVER);
    const text = pieces.map((piece) => Buffer.from(piece.body).toString()).join('');
    expect([text, retries]).toEqual(['{"id":9007199254740993,"n":1,"sum":1}\n', 0]);
    expect(dead).toMatchObject([
      {
        index: 1,
        attempts: 1,
        error: {
          name: 'InvalidRecord',
          message: expect.stringContaining('the number id is 9007199254740993'),
        },
      },
    ]);
  });
});

describe('map', () => {
  test('keeps the order, whatever finishes first', async () => {
    const worker = workerOf({
      map: async (record) => {
        for (let turns = record.n % 7; turns > 0; turns--) await turn();
        return record;
      },
    });
    const { pieces } = await worker.work(jobOf(50), NEVER);
    expect(numbersIn(pieces)).toEqual(range(50));
  });

  test.each([1, 3, 16])('works on no more than %i records at once, in all chunks', async (most) => {
    let now = 0;
    let highest = 0;
    const worker = workerOf({
      concurrency: most,
      map: async (record, { attempt }) => {
        highest = Math.max(highest, ++now);
        await turn();
        now--;
        if (record.n % 5 === 0 && attempt === 1) throw new Error('first time');
        return record;
      },
    });
    await Promise.all(range(4).map(() => worker.work(jobOf(20), NEVER)));
    expect(highest).toBe(most);
  });

  const refuse = (): never => {
    throw new Error('not even that');
  };
  const said = (message: string, name: string): unknown => ({ error: { name, message } });
  const UNREADABLE = 'the message of the error cannot be read';

  test.each<[string, () => unknown, unknown]>([
    [
      'an error whose message cannot be read',
      () => Object.defineProperty(new Error('bad'), 'message', { get: refuse }),
      said(UNREADABLE, 'Error'),
    ],
    [
      'an error that is a proxy',
      () => new Proxy(new Error('bad'), { get: refuse, getPrototypeOf: refuse }),
      said('something that cannot be read', 'Thrown'),
    ],
    ['an object that cannot be text', () => ({ toString: refuse }), said('{}', 'Thrown')],
    ['a bigint', () => 10n, said('10', 'Thrown')],
    ['nothing', () => undefined, said('undefined', 'Thrown')],
  ])("%s that is thrown is its own record's dead letter", async (_, thrown, expected) => {
    for (const isAsync of [false, true]) {
      const fail = (record: Record_): Record_ => {
        if (record.n === 1) throw thrown();
        return record;
      };
      const map = isAsync ? async (record: Record_) => fail(record) : fail;
      const { pieces, dead } = await workerOf({ map }).work(jobOf(3), NEVER);
      expect(numbersIn(pieces)).toEqual([0, 2]);
      expect(dead).toMatchObject([expected]);
    }
  });

  test('what goes wrong beside the function is the failure of its record alone', async () => {
    const stage: Mapper = mapper('work', {
      from: numbers,
      map: (record) => {
        if (record.n === 1) throw new Error('bad');
        return record;
      },
    });
    const broken = async (): Promise<void> => {
      throw new TypeError('the clock is broken');
    };
    const worker = new ChunkWorker(
      stage,
      createLogger({ format: 'json', level: 'silent' }),
      undefined,
      broken,
    );
    const { pieces, dead } = await worker.work(jobOf(3), NEVER);
    expect(numbersIn(pieces)).toEqual([0, 2]);
    expect(dead).toMatchObject([{ attempts: 1, error: { message: 'the clock is broken' } }]);
  });

  test('a result that is no JSON is the failure of its record', async () => {
    const worker = workerOf({
      schema: undefined,
      map: ({ n }: Record_) =>
        n === 1 ? Object.defineProperty({ n }, 'toJSON', { value: () => undefined }) : { n },
    } as never);
    const { pieces, dead } = await worker.work(jobOf(3), NEVER);
    expect(numbersIn(pieces)).toEqual([0, 2]);
    expect(dead).toMatchObject([{ index: 1, attempts: 1, error: { name: 'InvalidResult' } }]);
  });

  test('a failing record is tried again and then given up, the others are not touched', async () => {
    const attempts = new Map<number, number[]>();
    const worker = workerOf({
      map: (record, { attempt, position }: StageContext) => {
        attempts.set(record.n, [...(attempts.get(record.n) ?? []), attempt]);
        if (record.n === 1) throw new Error(`bad at ${position}`);
        if (record.n === 2 && attempt < 3) throw new Error('not yet');
        return record;
      },
    });
    const result = await worker.work(jobOf(4), NEVER);
    expect(numbersIn(result.pieces)).toEqual([0, 2, 3]);
    expect(result.dead).toMatchObject([
      { index: 1, position: 'line 2 of a.csv', attempts: 3, record: '{"n":1}' },
    ]);
    expect(result.dead[0]?.error).toMatchObject({
      name: 'Error',
      message: 'bad at line 2 of a.csv',
    });
    expect(Object.fromEntries(attempts)).toEqual({ 0: [1], 1: [1, 2, 3], 2: [1, 2, 3], 3: [1] });
    expect(result.retries).toBe(4);
  });

  test('what waits to be tried again is told, with the message and the time of the first failure', async () => {
    const told: unknown[] = [];
    const worker = workerOf({
      map: (record, { attempt }) => {
        if (record.n === 1 && attempt < 3) throw new Error(`attempt ${attempt}`);
        return record;
      },
    });
    const onWait = (position: string, wait: unknown): void => void told.push([position, wait]);
    await worker.work({ ...jobOf(3), onWait }, NEVER);
    const sinceMs = (told[0] as [string, { sinceMs: number }])[1].sinceMs;
    expect(told).toEqual([
      ['line 2 of a.csv', { reason: 'attempt 1', sinceMs }],
      ['line 2 of a.csv', { reason: 'attempt 2', sinceMs }],
      ['line 2 of a.csv', undefined],
    ]);
  });

  test('a record that is busy for longer than its policy allows is given up', async () => {
    const retry = { ...QUICK, busyForMs: 20 };
    const worker = workerOf({
      retry,
      map: (record) => {
        if (record.n === 1) throw new BusyError('come back later');
        return record;
      },
    });
    const { dead } = await worker.work(jobOf(3), NEVER);
    expect(dead).toMatchObject([{ index: 1, attempts: 0, error: { name: 'BusyError' } }]);
  });

  test('busy uses up no attempt; fatal is not tried again', async () => {
    let busy = 0;
    let fatal = 0;
    const worker = workerOf({
      map: async (record, { attempt }) => {
        if (record.n === 0 && busy++ < 10) throw new BusyError('come back later');
        if (record.n === 1) {
          fatal++;
          throw new TerminalError('never');
        }
        expect(attempt).toBe(1);
        return record;
      },
    });
    const result = await worker.work(jobOf(3), NEVER);
    expect(numbersIn(result.pieces)).toEqual([0, 2]);
    expect(result).toMatchObject({ dead: [{ index: 1, attempts: 1 }], retries: 0 });
    expect([busy, fatal]).toEqual([11, 1]);
  });

  test('bad lines and bad results are dead letters, each alone', async () => {
    const worker = workerOf({ map: (r) => (r.n === 2 ? ({ n: 'two' } as never) : r) });
    const body = '{"n":0}\nnot json\n{"n":2}\n{"n":"3"}\n{"n":4}\n';
    const result = await worker.work(jobOf(5, body), NEVER);
    expect(numbersIn(result.pieces)).toEqual([0, 4]);
    expect(result.dead.map(({ index, error }) => [index, error.name])).toEqual([
      [1, 'InvalidRecord'],
      [2, 'InvalidResult'],
      [3, 'InvalidRecord'],
    ]);
  });

  test('a body with other lines than it should have is refused', async () => {
    const worker = workerOf({ map: (record) => record });
    await expect(worker.work(jobOf(2, '{"n":0}\n'), NEVER)).rejects.toMatchObject({
      code: 'invalid-message',
    });
  });

  test('synchronous work lets others have a turn', async () => {
    let turns = 0;
    const beat = setInterval(() => turns++, 1);
    const worker = workerOf({
      map: (record) => {
        const end = performance.now() + 5;
        while (performance.now() < end);
        return record;
      },
    });
    await worker.work(jobOf(40), NEVER);
    clearInterval(beat);
    expect(turns).toBeGreaterThan(3);
  });
});

test.each(['map', 'mapChunk'] as const)(
  '%s has each record as it arrived at every attempt',
  async (kind) => {
    const seen: number[] = [];
    const spoil = (record: Record_): Record_ => {
      seen.push(record.n);
      Object.assign(record, { n: record.n + 10 });
      if (seen.length < 3) throw new Error('not yet');
      return record;
    };
    const worker = workerOf(
      kind === 'map' ? { map: spoil } : { mapChunk: (records) => records.map(spoil) },
    );
    const { pieces } = await worker.work(jobOf(1, '{"n":5}\n'), NEVER);
    expect(seen).toEqual([5, 5, 5]);
    expect(numbersIn(pieces)).toEqual([15]);
  },
);

describe('flatMap', () => {
  test.each<[string, (record: Record_) => unknown]>([
    ['an array', (record) => Array.from({ length: record.n }, () => record)],
    ['a promise', async (record) => Array.from({ length: record.n }, () => record)],
    [
      'a generator',
      function* (record) {
        for (let i = 0; i < record.n; i++) yield record;
      },
    ],
    [
      'an asynchronous generator',
      async function* (record) {
        for (let i = 0; i < record.n; i++) yield record;
      },
    ],
  ])('takes %s', async (_, flatMap) => {
    const worker = workerOf({ flatMap: flatMap as () => Record_[] });
    const result = await worker.work(jobOf(4), NEVER);
    expect(numbersIn(result.pieces)).toEqual([1, 2, 2, 3, 3, 3]);
    expect(result).toMatchObject({ expanded: 3, filtered: 1, dead: [] });
    expect(result.pieces[0]?.origins).toEqual([1, 2, 2, 3, 3, 3]);
  });

  test('something that cannot be iterated over is a dead letter', async () => {
    const worker = workerOf({ flatMap: (() => undefined) as unknown as () => Record_[] });
    const { dead } = await worker.work(jobOf(1), NEVER);
    expect(dead[0]?.error.message).toContain('flatMap must return an array or another iterable');
  });
});

describe('mapChunk', () => {
  test.each([0, 1, 49, 50, 99])('record %i of 100 alone is given up, in few calls', async (bad) => {
    let calls = 0;
    const worker = workerOf({
      mapChunk: (records) => {
        calls++;
        if (records.some(({ n }) => n === bad)) throw new Error('one of you');
        return [...records];
      },
    });
    const result = await worker.work(jobOf(100), NEVER);
    expect(numbersIn(result.pieces)).toEqual(range(100).filter((n) => n !== bad));
    expect(result.dead.map(({ index }) => index)).toEqual([bad]);
    expect(calls - 1).toBeLessThanOrEqual(15);
  });

  test('busy does not halve; a wrong number of results is a failure', async () => {
    const sizes: number[] = [];
    const worker = workerOf({
      mapChunk: (records) => {
        sizes.push(records.length);
        if (sizes.length < 4) throw new BusyError('later');
        return sizes.length === 4 ? [] : [...records];
      },
    });
    const result = await worker.work(jobOf(8), NEVER);
    expect(sizes).toEqual([8, 8, 8, 8, 4, 4]);
    expect(numbersIn(result.pieces)).toEqual(range(8));
  });
});

describe('abort', () => {
  test.each<[string, Pick<Options, 'map' | 'mapChunk'>]>([
    ['map', { map: () => new Promise<never>(() => undefined) }],
    ['mapChunk', { mapChunk: () => new Promise<never>(() => undefined) }],
  ])('does not wait for a %s that never ends', async (_, work) => {
    const abort = new AbortController();
    const working = workerOf(work as Options).work(jobOf(5), wantedUntil(abort.signal));
    setImmediate(() => abort.abort(new Error('enough')));
    await expect(working).rejects.toThrow('enough');
  });

  test('what is left behind takes no place from others, and its late result changes nothing', async () => {
    const abort = new AbortController();
    const late: (() => void)[] = [];
    const worker = workerOf({
      concurrency: 4,
      map: async (record, { chunk }) => {
        if (chunk === '7') await new Promise<void>((resolve) => late.push(resolve));
        return record;
      },
    });
    const stuck = worker.work(jobOf(20), wantedUntil(abort.signal));
    const next = worker.work({ ...jobOf(20), chunk: '8' }, NEVER);
    setImmediate(() => abort.abort(new Error('enough')));
    await expect(stuck).rejects.toThrow('enough');
    const { pieces, dead } = await next;
    expect([numbersIn(pieces), dead]).toEqual([range(20), []]);
    expect(late).toHaveLength(4);
    for (const end of late) end();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(late).toHaveLength(4);
  });

  test('an iterable without end that never waits is left, too', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('enough')), 1);
    async function* endless(): AsyncGenerator<Record_> {
      for (;;) yield { n: 1 };
    }
    const worker = workerOf({ flatMap: endless });
    await expect(worker.work(jobOf(1), wantedUntil(abort.signal))).rejects.toThrow('enough');
  });

  test('an iterable without end is not read any further', async () => {
    const abort = new AbortController();
    let yielded = 0;
    const worker = workerOf({
      flatMap: async function* (record) {
        for (;;) {
          yielded++;
          await turn();
          yield record;
        }
      },
    });
    const stuck = worker.work(jobOf(1), wantedUntil(abort.signal));
    setImmediate(() => abort.abort(new Error('enough')));
    await expect(stuck).rejects.toThrow('enough');
    for (let turns = 0; turns < 5; turns++) await turn();
    const before = yielded;
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(yielded).toBe(before);
  });

  test('begins no further record, and leaves no promise behind', async () => {
    const abort = new AbortController();
    let calls = 0;
    const worker = workerOf({
      concurrency: 2,
      map: async (record) => {
        if (++calls === 4) abort.abort(new Error('enough'));
        await turn();
        if (record.n % 2 === 0) throw new Error('bad');
        return record;
      },
    });
    await expect(worker.work(jobOf(100), wantedUntil(abort.signal))).rejects.toThrow('enough');
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(calls).toBeLessThanOrEqual(5);
  });
});

describe('the clock', () => {
  test('runs in calls, stands in waits, and begins anew when somebody was busy', async () => {
    const states: number[] = [];
    const clock = new WorkClock(undefined, (state) => void states.push(Number(state)));
    const shown: [string, number][] = [];
    const worker = workerOf({
      retry: { attempts: 3, initialDelayMs: 30, maxDelayMs: 30, jitter: 'none' },
      map: (_, { attempt }) => {
        const end = performance.now() + 20;
        while (performance.now() < end);
        shown.push([`attempt ${attempt}`, clock.workedMs]);
        if (shown.length === 1) throw new Error('failed');
        if (shown.length === 2) throw new BusyError('busy');
        return { n: 0 };
      },
    });
    await worker.work(jobOf(1), NEVER, clock);
    const [first, second, third] = shown.map(([, ms]) => ms);
    // 30 ms of waiting lie between any two; under load a call only takes longer.
    expect(first).toBeGreaterThanOrEqual(19);
    expect(second).toBeGreaterThanOrEqual(39);
    expect(third).toBeGreaterThanOrEqual(19);
    // The last state stands; and it began anew in between.
    expect(states.at(-1)).toBeLessThanOrEqual(0);
    expect(states).toContain(0);
  });
});

describe('what is a promise by its shape only', () => {
  /** It counts how often it is asked: a query builder asks its database each time. */
  function later<T>(value: T, asked: { count: number }): Promise<T> {
    return {
      // oxlint-disable-next-line unicorn/no-thenable -- what it is about
      then: (done: (value: T) => unknown) => {
        asked.count++;
        setImmediate(() => done(value));
      },
    } as never;
  }

  test.each<[string, (asked: { count: number }) => Partial<Options>]>([
    ['map', (asked) => ({ map: (record) => later(record, asked) })],
    ['flatMap', (asked) => ({ flatMap: (record) => later([record], asked) })],
    ['mapChunk', (asked) => ({ mapChunk: (records) => later(records, asked) })],
    ['filter', (asked) => ({ schema: undefined, filter: () => later(true, asked) }) as never],
    [
      'what an async iterable yields',
      (asked) => ({
        flatMap: (record) => {
          const inner = [record].values();
          const next = () => {
            const { value, done } = inner.next();
            return Promise.resolve({ done, value: done ? value : later(value, asked) });
          };
          return { [Symbol.asyncIterator]: () => ({ next }) } as never;
        },
      }),
    ],
  ])('is waited for, and asked once: %s', async (type, options) => {
    const asked = { count: 0 };
    const worker = workerOf(options(asked) as never);
    const { pieces, dead } = await worker.work(jobOf(20), NEVER);
    expect(dead).toEqual([]);
    expect(numbersIn(pieces)).toEqual(range(20));
    expect(asked.count).toBe(type === 'mapChunk' ? 1 : 20);
  });

  test('one that is refused is a failure of its record', async () => {
    const refused = {
      // oxlint-disable-next-line unicorn/no-thenable -- what it is about
      then: (_: unknown, fail: (error: Error) => void) => fail(new TerminalError('no')),
    };
    const worker = workerOf({ map: () => refused as never });
    const { dead } = await worker.work(jobOf(2), NEVER);
    expect(dead.map(({ error }) => error.message)).toEqual(['no', 'no']);
  });
});
