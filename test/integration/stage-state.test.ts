import { memoryStores } from '@leat/connectors/memory';
import { BusyError, type Position } from '@leat/core';
import { ChunkWorker, wantedUntil } from '@leat/mapper';
import { PipelineStores } from '@leat/runtime';
import {
  type BlobReference,
  fetcher,
  type Mapper,
  mapper,
  type OpenStores,
  type StageContext,
  type Stores,
} from '@leat/sdk';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { naughtyStrings } from '../support/public-suites.ts';
import { recordingLogger } from '../support/recording-logger.ts';

const Numbered = z.object({ n: z.number() });
type Numbered = z.infer<typeof Numbered>;
type Effect = (record: Numbered, context: StageContext) => unknown;

const numbers = fetcher('numbers', {
  source: () => ({ kind: 'none', chunks: none }),
  schema: Numbered,
});
async function* none(): AsyncGenerator<never> {}

const POSITION: Position = { source: 'a.ndjson', unit: 'line', first: 1_000 };

/** A stage that adds what a function gives; below a `flatMap`, if records may share their origin. */
function stage(effect: Effect, { isBelowFlatMap = false, attempts = 1 } = {}): Mapper {
  const children = mapper('children', {
    from: numbers,
    schema: Numbered,
    flatMap: (record) => [record],
  });
  return mapper('work', {
    from: isBelowFlatMap ? children : numbers,
    map: async (record, context) => ({ out: (await effect(record, context)) ?? null }),
    retry: { attempts, initialDelayMs: 1, maxDelayMs: 1 },
  });
}

interface Chunk {
  readonly numbers: readonly number[];
  readonly chunk?: string;
  readonly origins?: readonly number[];
  readonly position?: Position;
}

function storesOver(stores: Stores = memoryStores()): PipelineStores {
  return new PipelineStores(stores, { pipeline: 'test', logger: recordingLogger() });
}

/** Works on a chunk as one execution of a stage does. @returns the results, and the errors of the dead */
async function execute(
  work: Mapper,
  stores: PipelineStores | undefined,
  { numbers: records, chunk = '7', origins, position = POSITION }: Chunk,
): Promise<{ readonly out: unknown[]; readonly dead: string[]; readonly retries: number }> {
  const worker = new ChunkWorker(work, recordingLogger(), stores);
  const job = {
    run: { id: 'run-1', pipeline: 'test', params: {} },
    limits: { chunkSize: 1_000, maxBytes: 1_000_000 },
    chunk,
    body: Buffer.from(records.map((n) => `{"n":${n}}\n`).join('')),
    records: records.length,
    position,
    ...(origins && { origins }),
  };
  const { pieces, dead, retries } = await worker.work(
    job,
    wantedUntil(new AbortController().signal),
  );
  const lines = pieces.flatMap(({ body }) => Buffer.from(body).toString().trimEnd().split('\n'));
  return {
    out: lines.map((line) => (JSON.parse(line) as { readonly out: unknown }).out),
    dead: dead.map(({ error }) => error.message),
    retries,
  };
}

/** An effect that counts how often it has happened, and for which records. */
function counted(): { readonly effect: Effect; readonly calls: number[] } {
  const calls: number[] = [];
  return {
    calls,
    effect: ({ n }, context) =>
      context.once('charge', async () => {
        calls.push(n);
        return `${n} was ${calls.length}`;
      }),
  };
}

describe('context.once', () => {
  test('is done once, whatever executes the record again', async () => {
    const { effect, calls } = counted();
    const stores = storesOver();
    const first = await execute(stage(effect), stores, { numbers: [5, 6, 7] });
    const again = await execute(stage(effect), stores, { numbers: [5, 6, 7] });
    expect(again.out).toEqual(first.out);
    // Record 6 died in a stage before, this time.
    const rest = await execute(stage(effect), stores, { numbers: [5, 7], origins: [0, 2] });
    expect(rest.out).toEqual([first.out[0], first.out[2]]);
    // It was redriven, in a chunk of its own.
    const redriven = await execute(stage(effect), stores, {
      numbers: [6],
      chunk: '7~1-1',
      position: { ...POSITION, first: 1_001 },
    });
    expect(redriven.out).toEqual([first.out[1]]);
    expect(calls).toHaveLength(3);
  });

  test('is done for each record that a flatMap made of one, also for those that are the same', async () => {
    const { effect, calls } = counted();
    const stores = storesOver();
    const work = stage(effect, { isBelowFlatMap: true });
    const all = { numbers: [1, 1, 2, 2], origins: [0, 0, 0, 1] };
    const first = await execute(work, stores, all);
    expect(new Set(first.out).size).toBe(4);
    expect((await execute(work, stores, all)).out).toEqual(first.out);
    // The first child of all died before: the others are who they were.
    const rest = await execute(work, stores, { numbers: [1, 2, 2], origins: [0, 0, 1] });
    expect(rest.out.slice(1)).toEqual(first.out.slice(2));
    // In another piece of the same chunk there is another child.
    await execute(work, stores, { numbers: [1], origins: [0], chunk: '7.1-2' });
    expect(calls).toEqual([1, 1, 2, 2, 1]);
    const redriven = { numbers: [1], origins: [0], chunk: '7.1-2~2-0' };
    await execute(work, stores, redriven);
    expect(calls).toHaveLength(5);
  });

  test('any executions of any parts of a chunk do each record once', async () => {
    const parts = fc.array(fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }), {
      minLength: 1,
      maxLength: 6,
    });
    const holds = fc.asyncProperty(parts, fc.boolean(), async (executions, isBelowFlatMap) => {
      const { effect, calls } = counted();
      const stores = storesOver();
      const seen = new Map<number, unknown>();
      for (const places of executions) {
        // Some share their origin; what they are made of tells them apart.
        const origins = isBelowFlatMap ? places.map((at) => at >> 1) : places;
        const work = stage(effect, { isBelowFlatMap });
        const { out } = await execute(work, stores, { numbers: places, origins });
        for (const [nth, at] of places.entries()) {
          expect(out[nth]).toBe(seen.get(at) ?? out[nth]);
          seen.set(at, out[nth]);
        }
      }
      expect(sorted(calls)).toEqual(sorted([...new Set(executions.flat())]));
    });
    await fc.assert(holds, { numRuns: 60 });
  });

  test('two that do it at once have the same result', async () => {
    let calls = 0;
    let bothAreIn: () => void = () => undefined;
    const both = new Promise<void>((resolve) => (bothAreIn = resolve));
    const work = stage((_, context) =>
      context.once('k', async () => {
        const mine = ++calls;
        if (mine === 2) bothAreIn();
        await both;
        return mine;
      }),
    );
    const stores = storesOver();
    const [one, other] = await Promise.all([
      execute(work, stores, { numbers: [1] }),
      execute(work, stores, { numbers: [1] }),
    ]);
    expect(one?.out).toEqual(other?.out);
    expect(calls).toBe(2);
  });

  test('remembers no error, and a result that is undefined', async () => {
    let calls = 0;
    const work = stage(
      (_, { once, attempt }) =>
        once('k', () => {
          calls++;
          if (attempt < 3) throw new Error('not yet');
        }),
      { attempts: 5 },
    );
    const stores = storesOver();
    const first = await execute(work, stores, { numbers: [1] });
    expect(first).toEqual({ out: [null], dead: [], retries: 2 });
    await execute(work, stores, { numbers: [1] });
    expect(calls).toBe(3);
  });

  test('what cannot be stored is a dead letter at once', async () => {
    const work = stage((_, { once }) => once('k', () => new Date(0)), { attempts: 5 });
    expect(await execute(work, storesOver(), { numbers: [1] })).toEqual({
      out: [],
      dead: [
        'The result of context.once("k") must be what JSON holds exactly, and value is an instance of Date: the effect has happened and is not remembered',
      ],
      retries: 0,
    });
  });

  test('a chunk has none, and where there is no store that is said', async () => {
    const whole = mapper('whole', {
      from: numbers,
      mapChunk: async (records, { once }) => {
        await once('k', () => 1);
        return [...records];
      },
    });
    const { dead } = await execute(whole, storesOver(), { numbers: [1] });
    expect(dead).toEqual([expect.stringMatching(/^context.once belongs to one record/)]);
    const { effect } = counted();
    const without = await execute(stage(effect), undefined, { numbers: [1] });
    expect(without.dead).toEqual([
      expect.stringContaining('need a store, and this worker has none'),
    ]);
  });
});

test('ids are the same in every execution and stage; keys are of one stage', async () => {
  const ids: Effect = (_, { request, idempotencyKey }) => [request.id, idempotencyKey];
  const first = await execute(stage(ids), undefined, { numbers: [1, 2] });
  expect(first.out).toEqual([
    ['run-1/7/1000', 'run-1/7/1000/work'],
    ['run-1/7/1001', 'run-1/7/1001/work'],
  ]);
  const position = { ...POSITION, first: 1_001 };
  const redriven = await execute(stage(ids), undefined, {
    numbers: [9],
    chunk: '7.1-2~1-0',
    position,
  });
  expect(redriven.out).toEqual([first.out[1]]);
  const children = await execute(stage(ids, { isBelowFlatMap: true }), undefined, {
    numbers: [1, 2],
    origins: [0, 0],
  });
  const [[id, key], [otherId, otherKey]] = children.out as [[string, string], [string, string]];
  expect([id, otherId]).toEqual(['run-1/7/1000', 'run-1/7/1000']);
  expect(key).not.toBe(otherKey);
});

describe('context.state', () => {
  test('has three scopes, which share no key', async () => {
    const stores = storesOver();
    const write: Effect = async ({ n }, { state }) => {
      await state.set('k', n);
      await state.run.set('k', `run ${n}`);
      await state.pipeline.set('k', { pipeline: n });
    };
    await execute(stage(write), stores, { numbers: [1] });
    const read: Effect = async (_, { state }) => [
      (await state.get('k')) ?? null,
      await state.run.get('k'),
      await state.pipeline.get('k', z.object({ pipeline: z.number() })),
      (await state.get('absent')) ?? null,
    ];
    const own = await execute(stage(read), stores, { numbers: [1] });
    expect(own.out).toEqual([[1, 'run 1', { pipeline: 1 }, null]]);
    const other = await execute(stage(read), stores, { numbers: [2], chunk: '8' });
    expect(other.out).toEqual([[null, 'run 1', { pipeline: 1 }, null]]);
    const deleted: Effect = async (_, { state }) => {
      await state.delete('k');
      return state.get('k');
    };
    expect((await execute(stage(deleted), stores, { numbers: [1] })).out).toEqual([null]);
  });

  test('loses no update of many at once, and counts each record once', async () => {
    const executions = fc.array(fc.uniqueArray(fc.nat(20), { minLength: 1 }), {
      minLength: 1,
      maxLength: 4,
    });
    const holds = fc.asyncProperty(executions, async (lists) => {
      const stores = storesOver(jittery());
      const work = stage(async ({ n }, { state }) => {
        await state.run.update<number[]>('seen', (seen = []) => [...seen, n]);
        await state.run.addTo('records');
      });
      // All at the same time, as replicas of a mapper do.
      await Promise.all(
        lists.map((list) => execute(work, stores, { numbers: list, origins: list })),
      );
      const read: Effect = async (_, { state }) => [
        await state.run.get('seen'),
        await state.run.size('records'),
      ];
      const { out } = await execute(stage(read), stores, { numbers: [0] });
      const [seen, size] = out[0] as [number[], number];
      expect(sorted(seen)).toEqual(sorted(lists.flat()));
      expect(size).toBe(new Set(lists.flat()).size);
    });
    await fc.assert(holds, { numRuns: 12 });
  });

  test('takes any text as a key, each for itself, and reaches nothing else by it', async () => {
    const keys = [
      ...new Set([
        ...naughtyStrings,

        '',
        '.',
        '..',
        '*',
        '>',
        'a.b',
        'a.>',
        ' ',
        '\0',
        '\n',
        '/',
        '../x',
        '$KV.x',
        '__proto__',

        'once',
        'value',
        'progress.run-1',
        'r.run-1.run.value.k',
        '_x',
        '%2e',
        'K',
        'k',
        'ı',
        'İ',
        '\ud800',
        '\ud801',
        '\udc00',
        '\ufffd',
        'é',
        'e\u0301',
        'x'.repeat(40),
        'x'.repeat(41),
        'y'.repeat(100_000),
      ]),
    ];
    const written: string[] = [];
    const stores = storesOver(noting(written));
    const use: Effect = async (_, { state, once, blobs }) => {
      for (const [nth, key] of keys.entries()) {
        await state.set(key, nth);
        await state.addTo(key);
        await once(key, () => nth);
        await blobs.put(key, Buffer.from(`${nth}`));
      }
      for (const [nth, key] of keys.entries()) {
        expect([await state.get(key), await state.size(key)]).toEqual([nth, 1]);
        expect(await once(key, () => -1)).toBe(nth);
      }
    };
    expect(await execute(stage(use), stores, { numbers: [1] })).toMatchObject({ dead: [] });
    expect(new Set(written).size).toBe(4 * keys.length + 1);
    for (const key of written) {
      expect(key).toMatch(/^(?:r\.run-1\.0\.7\.1000|w\.run-1)(?:\.[\w=-]+)+$/);
      expect(key.length).toBeLessThan(300);
    }
  });

  test.each<[string, Effect, RegExp]>([
    [
      'undefined',
      (_, { state }) => state.set('k', undefined),
      /"k" must not become undefined: use delete$/,
    ],
    [
      'no JSON',
      (_, { state }) => state.set('k', 1n),
      /"k" must be what JSON holds .* is a bigint$/,
    ],
    ['not JSON by update', (_, { state }) => state.update('k', () => Number.NaN), / is NaN$/],
    [
      'what a schema does not take',
      async (_, { state }) => {
        await state.set('k', 'text');
        return state.get('k', z.number());
      },
      /^The state "k" does not fit its schema: /,
    ],
  ])('says in a sentence that a value is %s', async (_, effect, sentence) => {
    const { dead } = await execute(stage(effect, { attempts: 5 }), storesOver(), { numbers: [1] });
    expect(dead).toEqual([expect.stringMatching(sentence)]);
  });

  test('what a newer Leat has written makes the record wait', async () => {
    const stores = storesOver();
    await stores.state.create('p.value.k', '{"v":99,"value":1}');
    let tries = 0;
    const thrown: unknown[] = [];
    const work = stage(async (_, { state }) => {
      if (++tries > 2) return 'over';
      return state.pipeline.get('k').catch((error: unknown) => {
        thrown.push(error);
        throw error;
      });
    });
    expect(await execute(work, stores, { numbers: [1] })).toEqual({
      out: ['over'],
      dead: [],
      retries: 0,
    });
    expect(thrown).toEqual([expect.any(BusyError), expect.any(BusyError)]);
  });
});

test('while a store is away, records wait and use no attempt', async () => {
  let calls = 0;
  const stores = storesOver(failing(() => ++calls <= 6));
  const reasons: string[] = [];
  const work = stage(async ({ n }, { once }) =>
    once('k', () => n).catch((error: unknown) => {
      reasons.push((error as Error).message);
      throw error;
    }),
  );
  expect(await execute(work, stores, { numbers: [1] })).toEqual({ out: [1], dead: [], retries: 0 });
  expect(new Set(reasons)).toEqual(
    new Set(['the state store (memory) cannot be used now: connection lost']),
  );
});

describe('context.blobs', () => {
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('in ');
    yield Buffer.from('parts');
  }

  test('gives bytes back by a reference, from any record', async () => {
    const stores = storesOver();
    const put: Effect = async (_, { blobs }) => [
      await blobs.put('whole', Buffer.from([0, 255])),
      await blobs.put('in parts', parts()),
      await blobs.put('kept', Buffer.from('kept'), { keep: true }),
    ];
    const { out } = await execute(stage(put), stores, { numbers: [1] });
    const references = out[0] as BlobReference[];
    expect(references.map(({ bytes }) => bytes)).toEqual([2, 8, 4]);
    expect(references.map(({ blob }) => blob.split('.')[0])).toEqual(['r', 'r', 'k']);
    const get: Effect = async (_, { blobs }) =>
      Promise.all(
        references.map(async (each) => Buffer.from((await blobs.get(each)) ?? []).toString('hex')),
      );
    const read = await execute(stage(get), stores, { numbers: [2], chunk: '9' });
    expect(read.out).toEqual([
      ['00ff', Buffer.from('in parts').toString('hex'), Buffer.from('kept').toString('hex')],
    ]);
    const remove: Effect = async (_, { blobs }) => {
      await blobs.delete(references[0] as BlobReference);
      return (await blobs.get(references[0] as BlobReference)) === undefined;
    };
    expect((await execute(stage(remove), stores, { numbers: [3] })).out).toEqual([true]);
  });

  test('says that bytes are not those of the reference: another execution has written its own', async () => {
    const stores = storesOver();
    let execution = 0;
    const put: Effect = async (_, { blobs }) => blobs.put('k', Buffer.from(`${++execution}`));
    const [first, second] = [
      await execute(stage(put), stores, { numbers: [1] }),
      await execute(stage(put), stores, { numbers: [1] }),
    ].map(({ out }) => out[0] as BlobReference);
    expect(first?.blob).toBe(second?.blob);
    const get = (reference: unknown) =>
      execute(
        stage(async (_, { blobs }) => `${await blobs.get(reference as BlobReference)}`),
        stores,
        { numbers: [1] },
      );
    expect((await get(second)).dead).toEqual([]);
    expect((await get(first)).dead).toEqual([
      expect.stringMatching(/^The blob .* is not the one that was put: its digest should be /),
    ]);
  });

  test.each([
    undefined,
    'r.run-1.0.7.1000.of.work.blob.k',
    { blob: 'p.value.k' },
    { blob: 'w.run-1.used' },
    { blob: 'r.run-1.0.7.1.of.work.blob.../../x' },
    { blob: `r.run-1.0.7.1.of.work.blob.${'x'.repeat(400)}` },
  ])('takes no reference but its own: %j', async (reference) => {
    const get: Effect = async (_, { blobs }) => blobs.get(reference as BlobReference);
    const { dead } = await execute(stage(get), storesOver(), { numbers: [1] });
    expect(dead).toEqual([expect.stringMatching(/needs a reference that its put has given/)]);
  });

  test('takes no more than its limit, and reads no further', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      const part = new Uint8Array(8 * 1_024 * 1_024);
      for (;;) {
        read++;
        yield part;
      }
    }
    const put: Effect = async (_, { blobs }) => blobs.put('k', endless());
    const { dead } = await execute(stage(put), storesOver(), { numbers: [1] });
    expect(dead).toEqual([expect.stringMatching(/^The blob "k" has more than 67108864 bytes/)]);
    expect(read).toBe(9);
  });
});

const sorted = (list: readonly number[]): number[] => list.toSorted((a, b) => a - b);

/** Memory that is given up to a few turns of the event loop for each call. */
function jittery(): Stores {
  return wrapped(async () => {
    for (let turns = Math.floor(Math.random() * 4); turns > 0; turns--) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  });
}

/** Memory that fails as long as a function says so. */
function failing(isAway: () => boolean): Stores {
  return wrapped(async () => {
    if (isAway()) throw new Error('connection lost');
  });
}

/** Memory that notes what is written. */
function noting(written: string[]): Stores {
  return wrapped(async (method, key) => {
    if (['create', 'update', 'put'].includes(method)) written.push(key);
  });
}

function wrapped(before: (method: string, key: string) => Promise<void>): Stores {
  const memory = memoryStores();
  const wrap = <T extends object>(store: T): T =>
    Object.fromEntries(
      Object.entries(store).map(([method, call]) => [
        method,
        async (...args: readonly string[]) => {
          await before(method, args[0] as string);
          return (call as (...given: readonly string[]) => unknown)(...args);
        },
      ]),
    ) as T;
  return {
    kind: memory.kind,
    open: async (context) => {
      const { state, data, close }: OpenStores = await memory.open(context);
      return { state: wrap(state), data: wrap(data), close };
    },
  };
}
