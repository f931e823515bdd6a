import { createLogger } from '@leat/runtime';
import { fetcher, mapper, type Mapper, route, when } from '@leat/sdk';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Job } from './job.ts';
import { wantedUntil } from './watch.ts';
import { ChunkWorker } from './worker.ts';

const Numbered = z.object({ n: z.number() });
const numbers = fetcher('numbers', {
  source: { kind: 'none', chunks: async function* () {} },
  schema: Numbered,
});
const kept = mapper('kept', { from: numbers, filter: () => true });
const NEVER = wantedUntil(new AbortController().signal);
const TO = ['a', 'b', 'c'] as const;
type Branch = (typeof TO)[number];

function jobOf(body: string, records: number): Job {
  return {
    run: { id: 'r', pipeline: 'p', params: {} },
    limits: { chunkSize: 100, maxBytes: 1e6 },
    chunk: '7',
    body: Buffer.from(body),
    records,
    position: { source: 'a', unit: 'line', first: 1 },
  };
}

function work(stage: Mapper, job: Job): ReturnType<ChunkWorker['work']> {
  const logger = createLogger({ format: 'json', level: 'silent' });
  return new ChunkWorker(stage, logger, undefined).work(job, NEVER);
}

/** A route that says what it is told to, of each record by its number. */
function stageOf(
  answers: readonly unknown[],
  otherwise: 'filter' | 'dead',
  from: typeof numbers | typeof kept = kept,
): Mapper {
  const pick = ({ n }: { readonly n: number }): Branch => {
    const answer = answers[n];
    if (answer instanceof Error) throw answer;
    return answer as Branch;
  };
  return route('triage', { from, to: TO, pick, otherwise }).to.a.stage;
}

test('each record goes to the branches that are named, byte for byte, in order; the books balance', async () => {
  const answer = fc.oneof(
    fc.constantFrom(...TO, undefined),
    fc.array(fc.constantFrom(...TO), { maxLength: 4 }),
    fc.constant(new Error('bad luck')),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer),
      fc.constantFrom('filter', 'dead'),
      async (all, otherwise) => {
        // As no JSON.stringify writes it.
        const lines = all.map((_, n) => `{ "n":${n}.0 }\n`);
        const job = jobOf(lines.join(''), all.length);
        const { pieces, expanded, filtered, dead, retries } = await work(
          stageOf(all, otherwise as 'filter' | 'dead'),
          job,
        );
        const branchesAt = all.map((each): readonly string[] =>
          each instanceof Error || each === undefined ? [] : [...new Set([each].flat())],
        );
        const wanted = TO.map((branch) => ({
          branch,
          origins: [...all.keys()].filter((n) => branchesAt[n]?.includes(branch)),
        })).filter(({ origins }) => origins.length > 0);
        expect(
          pieces.map(({ branch, origins, records, body }) => {
            expect(Buffer.from(body).toString()).toBe(origins.map((n) => lines[n]).join(''));
            expect(records).toBe(origins.length);
            return { branch, origins };
          }),
        ).toEqual(wanted);
        const none = [...all.keys()].filter((n) => branchesAt[n]?.length === 0);
        const thrown = none.filter((n) => all[n] instanceof Error);
        expect(dead.map(({ index }) => index)).toEqual(otherwise === 'dead' ? none : thrown);
        for (const { error, index, attempts } of dead) {
          expect({ name: error.name, attempts }).toEqual({
            name: all[index] instanceof Error ? 'Error' : 'NoBranch',
            attempts: 1,
          });
        }
        const passedOn = pieces.reduce((sum, { records }) => sum + records, 0);
        expect(all.length + expanded).toBe(passedOn + filtered + dead.length);
        expect(retries).toBe(0);
      },
    ),
  );
});

test('what all goes one way is not written anew', async () => {
  const job = jobOf('{"n":0}\n{"n":1}\n', 2);
  const { pieces } = await work(stageOf(['b', 'b'], 'dead'), job);
  expect(pieces).toHaveLength(1);
  expect(pieces[0]?.body).toBe(job.body);
});

test('who reads the fetcher checks records, and passes on what their schema makes of them', async () => {
  const body = '{"n":0,"more":1}\n{"n":"one"}\n{"n":2}\n';
  const { pieces, dead } = await work(stageOf(['a', 'a', 'a'], 'dead', numbers), jobOf(body, 3));
  expect(pieces.map((piece) => Buffer.from(piece.body).toString())).toEqual(['{"n":0}\n{"n":2}\n']);
  expect(dead).toMatchObject([
    { index: 1, error: { name: 'InvalidRecord' }, record: '{"n":"one"}' },
  ]);
});

test.each([
  [
    'd',
    'UnknownBranch',
    'pick must return one of a, b, c, a list of them or undefined; it returned "d"',
  ],
  [['a', 'toString'], 'UnknownBranch', 'it returned "toString"'],
  [null, 'UnknownBranch', 'it returned null'],
  [[undefined], 'UnknownBranch', 'it returned a value of the type undefined'],
  [Promise.resolve('a'), 'InvalidResult', 'pick returned a promise, and must answer at once'],
  [true, 'UnknownBranch', 'it returned a value of the type boolean'],
])('a pick that returns %o makes one dead letter', async (answer, name, sentence) => {
  const { pieces, dead } = await work(
    stageOf(['a', answer, 'b'], 'filter'),
    jobOf('{"n":0}\n{"n":1}\n{"n":2}\n', 3),
  );
  expect(pieces.map(({ branch }) => branch)).toEqual(['a', 'b']);
  expect(dead).toMatchObject([
    {
      index: 1,
      position: 'line 2 of a',
      error: { name, message: expect.stringContaining(sentence) },
    },
  ]);
});

test('a promise that is not waited for and fails does not end the process', async () => {
  const unwaited: Error[] = [];
  const hear = (error: Error): void => void unwaited.push(error);
  process.on('unhandledRejection', hear);
  const { stage } = when(kept, (() => (async () => Promise.reject(new Error('late')))()) as never);
  const { dead } = await work(stage, jobOf('{"n":0}\n', 1));
  await new Promise(setImmediate);
  process.off('unhandledRejection', hear);
  expect(unwaited).toEqual([]);
  expect(dead[0]?.error.message).toContain('the predicate returned a promise');
});

test('a predicate says yes or no', async () => {
  const answers: readonly unknown[] = [true, false, 1, undefined];
  const { stage } = when(kept, ({ n }) => answers[n] as boolean);
  const { pieces, dead } = await work(stage, jobOf('{"n":0}\n{"n":1}\n{"n":2}\n{"n":3}\n', 4));
  expect(pieces.map(({ branch, origins }) => [branch, origins])).toEqual([
    ['is', [0]],
    ['otherwise', [1]],
  ]);
  expect(dead.map(({ error }) => error.message)).toEqual([
    'the predicate must return true or false; it returned a value of the type number',
    'the predicate must return true or false; it returned a value of the type undefined',
  ]);
});
