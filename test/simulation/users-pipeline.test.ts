import { setTimeout as sleep } from 'node:timers/promises';
import { generate } from '@leat/connectors/memory';
import { ndjsonSink } from '@leat/connectors/files';
import { fetcher, mapper, type MapperOptions, pipeline, saver, TerminalError } from '@leat/sdk';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { simulate, SimulationFailure } from '@leat/testing';

const Order = z.object({ id: z.int(), amount: z.number() });
const records = Array.from({ length: 60 }, (_, id) => ({ id, amount: id % 9 }));

const orders = fetcher('orders', {
  source: generate(1, () => {
    throw new Error('the source was read');
  }),
  schema: Order,
});
const sink = ndjsonSink('/nowhere/at-all');

/** A pipeline of one mapper. */
function pipelineOf(work: Pick<MapperOptions<typeof Order, typeof Order>, 'map'>) {
  const { map } = work;
  if (map === undefined) throw new Error('no map');
  const priced = mapper('priced', { from: orders, schema: Order, map });
  return pipeline('shop', { savers: [saver('files', { from: priced, sink })] });
}

/** What a simulation throws. */
async function failureOf(simulation: Promise<unknown>): Promise<SimulationFailure> {
  const error: unknown = await simulation.catch((thrown: unknown) => thrown);
  if (error instanceof SimulationFailure) return error;
  throw new Error('the simulation did not fail as expected', { cause: error });
}

describe('simulate', () => {
  test('finds nothing wrong with a graph whose functions depend on the record alone', async () => {
    const lines = mapper('lines', {
      from: orders,
      schema: Order,
      flatMap: async ({ id, amount }, { run }) => {
        if (amount === 4) throw new TerminalError('no four');
        await new Promise((resolve) => setTimeout(resolve, 200));
        const rate = Number(run.params['rate']);
        return Array.from({ length: amount % 3 }, (_, n) => ({ id, amount: amount * rate + n }));
      },
    });
    const large = mapper('large', { from: orders, filter: ({ amount }) => amount > 4 });
    const placed = mapper('placed', {
      from: large,
      schema: z.object({ place: z.string(), amount: z.int().optional() }),
      enrich: ({ id, amount }) => ({ place: `${id}`, ...(id % 3 === 0 && { amount: -amount }) }),
    });
    const sums = mapper('sums', {
      from: lines,
      schema: Order,
      inline: true,
      mapChunk: (group) => group,
    });
    const graph = pipeline('shop', {
      savers: [
        saver('summed', { from: sums, sink, inline: true }),
        saver('copied', { from: orders, sink }),
        saver('larger', { from: placed, sink }),
        saver('lined', { from: lines, sink }),
      ],
    });
    const odd = [...records, { id: 0.5, amount: 1 }, 10n];
    const report = await simulate(graph, { records: odd, params: { rate: '2' }, seeds: 15 });
    expect(report.seeds).toBe(15);
    expect(report.records).toBeGreaterThanOrEqual(15 * odd.length);
    expect(report.faults).toBeGreaterThan(30);
    expect(report.deaths).toBeGreaterThan(15);
  });

  test('finds a function that mixes up records that are worked on at the same time', async () => {
    let current = { id: 0, amount: 0 };
    const mixed = pipelineOf({
      map: async (order) => {
        current = order;
        await new Promise((resolve) => setTimeout(resolve, 5));
        return { ...current, amount: current.amount * 2 };
      },
    });
    const failure = await failureOf(simulate(mixed, { records }));
    expect(failure.violations[0]).toMatch(
      /files does not hold its records: \d+ are missing, such as \{"id":.*; \d+ are too many, such as \{"id":/,
    );
    expect(failure.message).toContain(`simulate(pipeline, { …, from: ${failure.seed}, seeds: 1 })`);
    const again = await failureOf(simulate(mixed, { records, from: failure.seed, seeds: 1 }));
    expect(again.violations).toEqual(failure.violations);
    expect(again.trace).toBe(failure.trace);
  });

  test('refuses a function that counts across chunks, and says of which record', async () => {
    let count = 0;
    const counting = pipelineOf({ map: ({ id }) => ({ id, amount: count++ }) });
    await expect(simulate(counting, { records })).rejects.toThrow(
      'The stage priced made of the record 0, {"id":0,"amount":0}, first [{"id":0,"amount":0}] and the second time [{"id":0,"amount":119}]: chunks are worked on again',
    );
  });

  test('refuses a function whose result depends on the chunk', async () => {
    const bound = pipelineOf({ map: ({ id }, { chunk }) => ({ id, amount: Number(chunk) }) });
    await expect(simulate(bound, { records })).rejects.toThrow('whichever chunk it is in');
  });

  test('refuses a function that waits for something other than a timer', async () => {
    const waiting = pipelineOf({
      map: async (order) => {
        await sleep(10_000_000, undefined, { ref: false });
        return order;
      },
    });
    await expect(simulate(waiting, { records })).rejects.toThrow(
      'A function of the pipeline shop waits for something other than a timer',
    );
  });

  test('refuses to run with no records', async () => {
    const any = pipelineOf({ map: (order) => order });
    await expect(simulate(any, { records: [] })).rejects.toMatchObject({
      code: 'invalid-configuration',
    });
  });

  test('leaves the rest of the process its time, its chance and its process id', async () => {
    const { pid, hrtime } = process;
    const globals = (): unknown[] => [
      setTimeout,
      Math.random,
      Date,
      Reflect.get(performance, 'now'),
    ];
    const real = globals();
    // Nobody puts another in the place of this clock.
    const aheadMs = (): number => Date.now() - Number(hrtime.bigint() / 1_000_000n);
    const before = aheadMs();
    const errors: number[] = [];
    const watching = setInterval(() => {
      errors.push(process.pid === pid ? Math.abs(aheadMs() - before) : Infinity);
    }, 1);
    onTestFinished(() => clearInterval(watching));
    const slow = pipelineOf({ map: (order) => order });
    await simulate(slow, { records, seeds: 3 });
    expect(errors.length).toBeGreaterThan(3);
    expect(Math.max(...errors)).toBeLessThan(60_000);
    expect(globals()).toEqual(real);
  });
});
