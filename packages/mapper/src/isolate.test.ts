import { BusyError, LeatError, retryPolicy } from '@leat/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadly, isolate } from './isolate.ts';
import type { ServiceJob } from './job.ts';
import type { WorkedOn } from './outcome.ts';

const NEVER = new AbortController().signal;
const mapper = { retry: retryPolicy({ attempts: 3, initialDelayMs: 0, maxDelayMs: 0 }) };

function jobOf(records: number): ServiceJob {
  const run = { id: 'r', pipeline: 'p', params: {} };
  return {
    run,
    given: run,
    limits: { chunkSize: 100, maxBytes: 1e6 },
    chunk: '7',
    body: Buffer.from(Array.from({ length: records }, (_, n) => `${n}\n`).join('')),
    records,
    position: { source: 'a', unit: 'line', first: 1 },
  };
}

function recordsIn({ body, records, origins }: ServiceJob): number[] {
  const numbers = Buffer.from(body).toString().split('\n').slice(0, -1).map(Number);
  expect([records, origins]).toEqual([numbers.length, numbers]);
  return numbers;
}

const saved = (numbers: readonly number[]): WorkedOn => ({
  outcomes: numbers.map((n) => `saved ${n}`),
  retries: 1,
  recovered: 0,
});

/** What a record does to the part that it is in. */
const kinds = ['good', 'bad', 'deadly', 'bad twice', 'busy twice'] as const;

test('whatever its records do, each has its outcome, in order; only what fails alone is given up', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.constantFrom(...kinds), { maxLength: 40 }),
    async (all) => {
      const alone = new Map<number, number>();
      const attempt = async (part: ServiceJob): Promise<WorkedOn> => {
        const numbers = recordsIn(part);
        const is = (kind: (typeof kinds)[number]): boolean => numbers.some((n) => all[n] === kind);
        const [first = 0] = numbers;
        const times = numbers.length === 1 ? (alone.get(first) ?? 0) + 1 : 0;
        alone.set(first, times);
        if (is('deadly')) throw new Deadly('died', { cause: new Error('deadly') });
        if (is('bad')) throw new Error('bad');
        if (is('bad twice') && times < 2) throw new Error('bad');
        if (is('busy twice') && times < 3) throw new BusyError('busy');
        return saved(numbers);
      };
      const { outcomes } = await isolate({
        job: jobOf(all.length),
        mapper,
        attempt,
        signal: NEVER,
      });
      expect(outcomes).toMatchObject(
        all.map((kind, n) => {
          if (kind === 'deadly') return { error: { message: 'deadly' } };
          // As one of a large chunk it has used its attempts up when it stands alone.
          if (kind === 'bad') return { error: { message: 'bad' } };
          if (kind === 'bad twice')
            return alone.get(n) === 2 ? `saved ${n}` : { error: { message: 'bad' } };
          return `saved ${n}`;
        }),
      );
      for (const [n, times] of alone) {
        if (all[n] === 'deadly') expect(times).toBeLessThanOrEqual(1);
        if (all[n] === 'bad') expect(times).toBeLessThanOrEqual(3);
      }
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test('of a hundred records, one costs fourteen further executions', async () => {
  let calls = 0;
  const attempt = async (part: ServiceJob): Promise<WorkedOn> => {
    calls++;
    const numbers = recordsIn(part);
    if (numbers.includes(42)) throw new Error('bad');
    return saved(numbers);
  };
  const { outcomes, retries } = await isolate({ job: jobOf(100), mapper, attempt, signal: NEVER });
  expect(outcomes[42]).toMatchObject({ error: { message: 'bad' } });
  expect([calls, retries]).toEqual([15, 7]);
});

test('what is wrong with the service is no record, and an abort ends it', async () => {
  const refusal = new LeatError('invalid-pipeline', 'The file cannot be loaded.');
  const refuse = async (): Promise<never> => {
    throw refusal;
  };
  await expect(isolate({ job: jobOf(9), mapper, attempt: refuse, signal: NEVER })).rejects.toBe(
    refusal,
  );
  const over = new AbortController();
  const attempt = async (): Promise<never> => {
    over.abort(new Error('enough'));
    throw new Error('bad');
  };
  await expect(isolate({ job: jobOf(9), mapper, attempt, signal: over.signal })).rejects.toThrow(
    'enough',
  );
});
