import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generate } from '@leat/connectors/memory';
import { type FailedChunk, formatFailedChunk } from '@leat/operate';
import { ndjsonSink } from '@leat/connectors/files';
import {
  BusyError,
  fetcher,
  mapper,
  pipeline,
  RetryAfterError,
  saver,
  TerminalError,
} from '@leat/sdk';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { testPipeline } from './test-pipeline.ts';

const Order = z.object({ id: z.int(), amount: z.number() });
const Line = z.object({ id: z.int(), cents: z.int() });

const orders = fetcher('orders', {
  source: generate(1, () => {
    throw new Error('the source was read');
  }),
  schema: Order,
  chunkSize: 4,
});
const sink = ndjsonSink('/nowhere');

const lines = mapper('lines', {
  from: orders,
  schema: Line,
  flatMap: ({ id, amount }) => {
    if (amount < 0) throw new TerminalError('a refund');
    return amount === 0 ? [] : [1, 2].map(() => ({ id, cents: amount * 100 }));
  },
});
const files = saver('files', { from: lines, sink });
const copy = saver('copy', { from: orders, sink });

describe('testPipeline', () => {
  test('recovers what would be given up', async () => {
    const priced = mapper('priced', {
      from: orders,
      map: ({ id, amount }) => {
        if (amount < 0) throw new TerminalError('a refund');
        return { id, amount };
      },
      recover: ({ id }, { error, attempts }) => {
        if (id === 3) throw error;
        return { id, why: `${error.message}, ${attempts}` };
      },
    });
    const given = [8, -1, -1].map((amount, nth) => ({ id: nth + 1, amount }));
    const { results, dead, records } = await testPipeline(priced, given);
    expect(results).toEqual({
      priced: [
        { id: 1, amount: 8 },
        { id: 2, why: 'a refund, 1' },
      ],
    });
    expect(dead).toMatchObject([
      { position: 'record 2 of records', error: { message: 'a refund' } },
    ]);
    expect(records).toEqual({ in: 3, expanded: 0, saved: 2, filtered: 0, dead: 1 });
  });

  test('adds fields to records', async () => {
    const taxed = mapper('taxed', {
      from: orders,
      schema: z.object({ tax: z.number() }),
      enrich: async ({ amount }) => {
        if (amount < 0) throw new TerminalError('a refund');
        return { tax: amount / 4 };
      },
    });
    const { results, dead } = await testPipeline(taxed, [
      { id: 1, amount: 8 },
      { id: 2, amount: -1 },
    ]);
    expect(results).toEqual({ taxed: [{ id: 1, amount: 8, tax: 2 }] });
    expect(dead).toMatchObject([{ record: '{"id":2,"amount":-1}', attempts: 1 }]);
  });

  test('counts a record that comes to a stage by two ways as copies', async () => {
    const large = mapper('large', { from: orders, filter: ({ amount }) => amount > 2 });
    const both = saver('both', { from: [large, orders], sink });
    const given = [1, 2, 3, 4, 5].map((amount, id) => ({ id, amount }));
    for (const server of [false, true]) {
      const tested = await testPipeline(pipeline('shop', { savers: [both] }), given, { server });
      expect(tested.results['both']).toHaveLength(8);
      expect(tested.results['both']).toEqual(
        expect.arrayContaining([...given, ...given.filter(({ amount }) => amount > 2)]),
      );
      expect(tested.records).toEqual({ in: 5, expanded: 5, saved: 8, filtered: 2, dead: 0 });
    }
  });

  test('takes records through every stage, and gives what each saver would save', async () => {
    const given = [1, 0, -5, 2, 3].map((amount, id) => ({ id, amount }));
    const tested = await testPipeline(pipeline('shop', { savers: [files, copy] }), given);
    const doubled = [
      { id: 0, cents: 100 },
      { id: 0, cents: 100 },
      { id: 3, cents: 200 },
      { id: 3, cents: 200 },
      { id: 4, cents: 300 },
      { id: 4, cents: 300 },
    ];
    expect(tested.results).toEqual({ lines: doubled, files: doubled, copy: given });
    expect(tested.dead).toMatchObject([
      {
        stage: 'lines',
        record: '{"id":2,"amount":-5}',
        position: 'record 2 of records',
        attempts: 1,
        error: { name: 'TerminalError', message: 'a refund' },
      },
    ]);
    expect(tested.records).toEqual({ in: 5, expanded: 8, saved: 11, filtered: 1, dead: 1 });
  });

  test('takes records through one mapper', async () => {
    const twice = mapper('twice', {
      from: lines,
      schema: Line,
      map: ({ id, cents }) => ({ id, cents: cents * 2 }),
    });
    const tested = await testPipeline(twice, [{ id: 1, cents: 5 }]);
    expect(tested.results).toEqual({ twice: [{ id: 1, cents: 10 }] });
    expect(tested.records).toEqual({ in: 1, expanded: 0, saved: 1, filtered: 0, dead: 0 });
  });

  test('checks schemas, and makes dead letters of what does not fit', async () => {
    const given = [{ id: 1.5, amount: 1 }, { id: 2, amount: 0.005 }, 10n];
    const { dead, records } = await testPipeline(
      pipeline('shop', { savers: [files, copy] }),
      given,
    );
    const found = dead.map(({ stage, error }) => `${stage}: ${error.name}`);
    expect(found).toEqual([
      'orders: RejectedBySource',
      'lines: InvalidRecord',
      'lines: InvalidResult',
      'copy: InvalidRecord',
    ]);
    expect(records).toEqual({ in: 3, expanded: 2, saved: 1, filtered: 0, dead: 4 });
  });

  test('makes dead letters of results that are no JSON, and of errors that cannot be read', async () => {
    const strange = mapper('strange', {
      from: orders,
      map: ({ id }) => {
        if (id === 1) return Object.defineProperty({ id }, 'toJSON', { value: () => undefined });
        if (id === 2) throw new Proxy(new TerminalError('bad'), { get: () => Symbol('no text') });
        return { id };
      },
    });
    const open = mapper('open', {
      from: orders,
      schema: z.unknown(),
      map: ({ id }) => (id === 1 ? new Map() : { id }),
    });
    const given = [0, 1, 2].map((id) => ({ id, amount: 1 }));
    const tested = await testPipeline(strange, given);
    expect(tested.results).toEqual({ strange: [{ id: 0 }] });
    expect(tested.dead.map(({ attempts, error: { name } }) => [attempts, name])).toEqual([
      [1, 'InvalidResult'],
      [1, 'Symbol(no text)'],
    ]);
    const { dead } = await testPipeline(open, given);
    expect(dead).toMatchObject([
      { attempts: 1, error: { message: expect.stringContaining('it is an instance of Map') } },
    ]);
  });

  test('tries again as the policy says, without waiting', async () => {
    const attempts: number[] = [];
    const patient = mapper('patient', {
      from: orders,
      schema: Order,
      retry: { attempts: 9, initialDelayMs: 3_600_000, maxDelayMs: 3_600_000, jitter: 'none' },
      map: (order, { attempt }) => {
        attempts.push(attempt);
        if (attempt < 9 || order.id === 1) throw new Error('not now');
        return order;
      },
    });
    const [good, bad] = [0, 1].map((id) => ({ id, amount: 1 }));
    const tested = await testPipeline(patient, [good, bad]);
    expect(attempts.toSorted((a, b) => a - b)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [n, n]),
    );
    expect(tested.retries).toBe(16);
    expect(tested.results).toEqual({ patient: [good] });
    expect(tested.dead).toMatchObject([{ attempts: 9, error: { message: 'not now' } }]);
  });

  test('does not wait for somebody who is busy, and says so when it would for ever', async () => {
    let calls = 0;
    const busy = mapper('busy', {
      from: orders,
      schema: Order,
      map: (order) => {
        if (++calls < 24) throw new RetryAfterError(3_600_000, 'later');
        return order;
      },
    });
    expect((await testPipeline(busy, [{ id: 1, amount: 1 }])).records.saved).toBe(1);
    const never = mapper('never', {
      from: orders,
      schema: Order,
      map: () => {
        throw new BusyError('never');
      },
    });
    await expect(testPipeline(never, [{ id: 1, amount: 1 }])).rejects.toThrow(
      'The mapper never would have waited for 100 hours and is still busy',
    );
  });

  test('gives parameters, and cuts chunks of the size that is asked for', async () => {
    const sizes: number[] = [];
    const whole = mapper('whole', {
      from: orders,
      schema: Order,
      mapChunk: (group, { run }) => {
        sizes.push(group.length);
        return group.map(({ id }) => ({ id, amount: Number(run.params['amount']) }));
      },
    });
    const given = Array.from({ length: 5 }, (_, id) => ({ id, amount: 1 }));
    const tested = await testPipeline(whole, given, { params: { amount: '7' }, chunkSize: 2 });
    expect(sizes).toEqual([2, 2, 1]);
    expect(tested.results['whole']?.at(-1)).toEqual({ id: 4, amount: 7 });
  });

  test('reads parameters by their schema', async () => {
    const given = fetcher('given', {
      params: z.object({ rate: z.int(), plus: z.int().default(1) }),
      source: generate(0, () => ({ id: 0, amount: 0 })),
      schema: Order,
    });
    const rated = mapper('rated', {
      from: given,
      schema: Order,
      map: ({ id, amount }, { run: { params } }) => ({
        id,
        amount: amount * params.rate + params.plus,
      }),
    });
    const tested = await testPipeline(rated, [{ id: 1, amount: 5 }], { params: { rate: '3' } });
    expect(tested.results).toEqual({ rated: [{ id: 1, amount: 16 }] });
    await expect(testPipeline(rated, [], { params: { rat: '3' } })).rejects.toThrow(
      'There is no parameter "rat": did you mean rate?',
    );
  });
});

describe('on a server', () => {
  test('comes to the same as without', async () => {
    const given = [1, 0, -5, 2, 3].map((amount, id) => ({ id, amount }));
    const shop = pipeline('shop', { savers: [files, copy] });
    const without = await testPipeline(shop, given);
    const tested = await testPipeline(shop, given, { server: true, chunkSize: 2 });
    const { lines: _, ...saved } = without.results;
    expect(tested.results).toEqual(saved);
    expect(tested.records).toEqual(without.records);
    expect(
      tested.dead.map(({ error: { stack: __, ...error }, ...letter }) => [letter, error]),
    ).toEqual(without.dead.map(({ error: { stack: __, ...error }, ...letter }) => [letter, error]));
  });

  test('refuses what is no whole pipeline, and no records', async () => {
    await expect(testPipeline(lines, [], { server: true })).rejects.toThrow('give the pipeline');
    const shop = pipeline('shop', { savers: [files] });
    await expect(testPipeline(shop, 'chunk.json', { server: true })).rejects.toThrow(
      'replays a failed chunk without a server',
    );
  });
});

describe('a failed chunk', () => {
  const failed: FailedChunk = {
    pipeline: 'shop',
    run: '20261127-101500-k3f9',
    params: { rate: '2' },
    secrets: ['token'],
    stage: 'rates',
    chunk: '42.1-2',
    records: [17, 19].map((index) => ({
      index,
      position: `line ${100 + index} of orders.ndjson`,
      attempts: 5,
      error: { name: 'Error', message: 'no rate' },
      record: JSON.stringify({ id: index, amount: 1 }),
      at: '2026-11-27T00:00:00.000Z',
    })),
  };
  const seen: unknown[] = [];
  const rates = mapper('rates', {
    from: orders,
    schema: Order,
    map: ({ id, amount }, { run, chunk, position }) => {
      seen.push([run, chunk, position]);
      return { id, amount: amount * Number(run.params['rate']) };
    },
  });
  const shop = pipeline('shop', {
    savers: [saver('rated', { from: rates, sink }), files, copy],
  });
  const write = async (chunk: Partial<FailedChunk>): Promise<string> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'leat-failed-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'chunk.json');
    await writeFile(file, formatFailedChunk({ ...failed, ...chunk }));
    return file;
  };

  test('goes through the stage that gave it up, and those behind it, as if in its run', async () => {
    seen.length = 0;
    const file = await write({});
    const tested = await testPipeline(shop, file, { params: { token: 'secret' } });
    const rated = [17, 19].map((id) => ({ id, amount: 2 }));
    expect(tested.results).toEqual({ rates: rated, rated, lines: [], files: [], copy: [] });
    const run = { id: failed.run, pipeline: 'shop', params: { rate: '2', token: 'secret' } };
    expect(seen).toEqual([
      [run, '42.1-2', 'line 117 of orders.ndjson'],
      [run, '42.1-2', 'line 119 of orders.ndjson'],
    ]);
  });

  test('can be a URL, and be given to the stage alone', async () => {
    const file = new URL(`file://${await write({})}`);
    expect((await testPipeline(rates, file)).records).toMatchObject({ in: 2, saved: 2 });
  });

  test('is refused where it cannot be replayed, with the reason', async () => {
    const refusal = async (chunk: Partial<FailedChunk>): Promise<unknown> =>
      testPipeline(shop, await write(chunk)).catch((error: Error) => error.message);
    expect(await refusal({ stage: 'other' })).toContain('which is none of orders, rates,');
    expect(await refusal({ stage: 'files' })).toContain('which is a saver: only what a mapper');
    const [first] = failed.records;
    if (first === undefined) throw new Error('no record');
    expect(await refusal({ records: [{ ...first, isCut: true }] })).toContain(
      'has only the beginning of record 17, because the whole did not fit into a dead letter',
    );
  });
});

test('what a test compares is never rounded', async () => {
  const numbers = fetcher('numbers', {
    source: generate(1, () => ({ id: 0, a: 0 })),
    schema: z.object({ id: z.coerce.bigint(), a: z.number() }),
    numbers: 'bigint',
  });
  const next = mapper('next', { from: numbers, map: ({ id, a }) => ({ id: id * id, a }) });
  const { results } = await testPipeline(next, [{ id: 2 ** 50, a: 0.1 }]);
  expect(results['next']).toEqual([{ id: 2n ** 100n, a: 0.1 }]);
});
