import {
  FIRST_CHECKPOINT,
  LeatError,
  type RunProgress,
  type RunRequest,
  type SinkIdentity,
  type Trouble,
} from '@leat/core';
import { fetcher, pipeline, saver, type SinkContext } from '@leat/sdk';
import type { Logger, Runs } from '@leat/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { RunBooks } from './run-books.ts';
import type { Witnessed } from './run-checkpoint.ts';
import { RunWitness } from './run-witness.ts';

const ONE: SinkIdentity = { mark: 'one', place: 'the folder /one' };
const TWO: SinkIdentity = { mark: 'two', place: 'the folder /two' };

/** Whether the sink has another run with the id. */
let isTaken = false;
const none = async function* (): AsyncGenerator<never> {};
const numbers = fetcher('numbers', { source: { kind: 'none', chunks: none }, schema: z.int() });
const out = saver('out', {
  from: numbers,
  sink: {
    kind: 'none',
    open: async ({ fence }: SinkContext) => {
      if (fence !== undefined) throw new Error('opened to write');
      if (isTaken) throw new LeatError('sink-taken', 'it is taken');
      return {
        commit: () => Promise.reject(new Error('only read')),
        receipts: none,
        read: none,
        close: () => Promise.resolve(),
      };
    },
  },
});
const squares = pipeline('squares', { savers: [out] });
const request: RunRequest = {
  run: 'r',
  pipeline: 'squares',
  params: {},
  spec: squares.spec,
  createdAt: '2026-11-27T00:00:00.000Z',
};

beforeEach(() => {
  isTaken = false;
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A witness of a run with this progress, over notes that can be changed. */
function start(before: Witnessed = {}) {
  const noted: {
    sinks: Record<string, SinkIdentity>;
    versions: Record<string, string[]>;
    troubles: Trouble[];
  } = { sinks: {}, versions: {}, troubles: [] };
  const life = { looks: 0, isAway: false };
  const progress = { state: 'running', ...before, ledger: FIRST_CHECKPOINT } as RunProgress;
  const books = new RunBooks(request, progress);
  const read = async <T>(what: T): Promise<T> => {
    if (life.isAway) throw new Error('no server answers');
    return what;
  };
  const notes = {
    sinks: () => {
      life.looks++;
      return read(noted.sinks);
    },
    versions: () => read(noted.versions),
    troubles: () => read(noted.troubles),
    addVersion: (_: string, stage: string, version: string) =>
      read((noted.versions[stage] ??= []).push(version)),
  };
  const refusals: string[] = [];
  const fences: number[] = [];
  const witness = new RunWitness({
    connection: { runs: { notes } as unknown as Runs },
    pipeline: squares,
    request,
    codeVersion: 'v0',
    onFence: (fence) => void fences.push(fence),
    onRefused: ({ message }) => void refusals.push(message),
    books,
    logger: { debug: () => undefined } as unknown as Logger,
  });
  return { witness, noted, life, refusals, fences, books };
}

test('what replicas have noted is taken into the progress, and written with the next checkpoint', async () => {
  const { witness, noted, books } = start();
  noted.sinks = { out: ONE };
  noted.versions = { work: ['v1'], out: ['v1'] };
  await witness.look();
  expect(books.witnessed).toEqual({ sinks: { out: ONE }, versions: { work: ['v1'], out: ['v1'] } });
  expect(books.changes).toBe(1);
  // Where nothing is new there is nothing to write.
  await witness.look();
  expect(books.changes).toBe(1);
  noted.versions = { work: ['v1', 'v2'], out: ['v1'] };
  await witness.look();
  expect(books.witnessed.versions).toEqual({ work: ['v1', 'v2'], out: ['v1'] });
  expect(books.changes).toBe(2);
});

test('what is known already counts, whatever is noted after a bucket was wiped', async () => {
  const { witness, noted, books } = start({ sinks: { out: ONE }, versions: { work: ['v1'] } });
  noted.sinks = { out: TWO, more: TWO };
  noted.versions = { work: ['v2'], out: ['v2'] };
  await witness.look();
  expect(books.witnessed).toEqual({
    sinks: { out: ONE, more: TWO },
    versions: { work: ['v1', 'v2'], out: ['v2'] },
  });
});

test('it looks now and then, also after the server was away, until it is told to stop', async () => {
  const { witness, noted, life, books } = start();
  const over = new AbortController();
  life.isAway = true;
  const watching = witness.watch(over.signal);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([books.changes, books.witnessed]).toEqual([0, {}]);
  life.isAway = false;
  noted.sinks = { out: ONE };
  await vi.advanceTimersByTimeAsync(2_000);
  expect(books.witnessed.sinks).toEqual({ out: ONE });
  over.abort();
  await watching;
  const { looks } = life;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(life.looks).toBe(looks);
});

test('a saver in trouble makes it look at the sinks, and a sink that has another run is told', async () => {
  const { witness, noted, refusals } = start();
  const over = new AbortController();
  const watching = witness.watch(over.signal);
  const say = (stage: string, second: number): void => {
    noted.troubles = [{ stage, reason: 'it cannot', at: `2026-11-27T00:00:0${second}.000Z` }];
  };
  say('out', 1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(refusals).toEqual([]);
  isTaken = true;
  // Trouble that is known, or that no saver has, is no reason to look.
  await vi.advanceTimersByTimeAsync(10_000);
  say('numbers', 2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(refusals).toEqual([]);
  say('out', 3);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(refusals).toEqual(['it is taken']);
  over.abort();
  await watching;
});

test('a fence that a sink has above the one of the run is told', async () => {
  const { witness, noted, fences } = start();
  const over = new AbortController();
  noted.troubles = [
    { stage: 'out', reason: 'it is away', at: '2026-11-27T00:00:01.000Z' },
    { stage: 'all', reason: 'fenced', at: '2026-11-27T00:00:01.000Z', fence: 7_000 },
  ];
  const watching = witness.watch(over.signal);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fences).toEqual([7_000]);
  over.abort();
  await watching;
});
