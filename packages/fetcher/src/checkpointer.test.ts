import {
  FIRST_CHECKPOINT,
  LEASE_MS,
  LeatError,
  type LedgerCheckpoint,
  NO_COUNTS,
  type RunProgress,
  type RunRequest,
} from '@leat/core';
import type { SourceChunk } from '@leat/sdk';
import type { Logger, PipelineConnection, ReceiptDelivery } from '@leat/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Checkpointer } from './checkpointer.ts';
import type { Lease } from './lease.ts';
import { RunBooks } from './run-books.ts';
import type { RunCheckpoint } from './run-checkpoint.ts';

const logger = { warn: () => undefined } as unknown as Logger;
const connection = {
  link: { isClosed: false },
  repair: () => Promise.resolve(),
} as unknown as PipelineConnection;

/** A chunk of a dataset that never ends. */
function chunkOf(records: number): SourceChunk {
  const position = { source: 'a', unit: 'line', first: 1 } as const;
  return { body: Buffer.from('1\n'), records, position, nextCursor: 1 };
}

/** What was written: how, and how many chunks the ledger had sent. */
type Written = readonly [what: string, chunks: number, reason?: string];

/** A checkpointer over a lease in memory, and its books. */
function start(refusal: () => Error | undefined) {
  const written: Written[] = [];
  const lease = {
    run: 'run-1',
    progress: { ledger: FIRST_CHECKPOINT },
    write: async (ledger: LedgerCheckpoint, ...rest: [string, string?]) => {
      const error = refusal();
      if (error !== undefined && ledger !== lease.progress.ledger) throw error;
      lease.progress = { ledger };
      const [what, reason] = rest;
      written.push(reason === undefined ? [what, ledger.next] : [what, ledger.next, reason]);
    },
    save: ({ ledger }: RunCheckpoint) => lease.write(ledger, 'save'),
    end: ({ ledger }: RunCheckpoint, state: string, reason?: string) =>
      lease.write(ledger, state, reason),
    giveBack: ({ ledger }: RunCheckpoint) => lease.write(ledger, 'back'),
  };
  const books = new RunBooks({} as RunRequest, { ledger: FIRST_CHECKPOINT } as RunProgress);
  const stop = new AbortController();
  const checkpointer = new Checkpointer({
    books,
    lease: lease as unknown as Lease,
    connection,
    stop: stop.signal,
    logger,
  });
  const acked: string[] = [];
  const take = (seq: number): void => {
    books.send(chunkOf(1));
    const counts = { ...NO_COUNTS, in: 1 };
    books.take([{ chunk: `${seq}`, counts, digest: '', fence: 1, buried: [] }]);
    checkpointer.keep({ ack: () => void acked.push(`${seq}`) } as unknown as ReceiptDelivery);
  };
  return { checkpointer, books, take, written, acked, stop };
}

const away = (): Error => new Error('the server is away');
const tooLarge = (): Error => new LeatError('run-failed', 'The ledger is too large.');

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('a ledger that does not fit is not tried again; the run fails with the last one that did', async () => {
  let refusal: Error | undefined;
  const { checkpointer, take, written, acked } = start(() => refusal);
  take(0);
  await checkpointer.write();
  refusal = tooLarge();
  take(1);
  await expect(checkpointer.write()).rejects.toMatchObject({ code: 'run-failed' });
  await checkpointer.fail('too large');
  expect(written).toEqual([
    ['save', 1],
    ['failed', 1, 'too large'],
  ]);
  // What the written ledger does not have must come again.
  expect(acked).toEqual(['0']);
});

test('a run that fails for another reason ends with its ledger as it is', async () => {
  const { checkpointer, take, written, acked } = start(() => undefined);
  take(0);
  await checkpointer.fail('damaged');
  expect([written, acked]).toEqual([[['failed', 1, 'damaged']], ['0']]);
});

test('a fetcher that is to stop waits no longer for an absent server than its lease lasts', async () => {
  let refusal: Error | undefined = away();
  const { checkpointer, written, stop } = start(() => refusal);
  const writing = checkpointer.write();
  const hasFailed = vi.fn<() => void>();
  writing.catch(hasFailed);
  await vi.advanceTimersByTimeAsync(10 * LEASE_MS);
  expect(hasFailed).not.toHaveBeenCalled();
  stop.abort();
  const givenBack = checkpointer.giveBack();
  givenBack.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(LEASE_MS);
  await expect(writing).rejects.toMatchObject({ code: 'lease-lost' });
  await expect(givenBack).rejects.toMatchObject({ code: 'lease-lost' });
  expect(written).toEqual([]);
  // It is given back if the server comes in time.
  refusal = undefined;
  await checkpointer.giveBack();
  expect(written).toEqual([['back', 0]]);
});

test('whatever changes in the books is written within a second, and nothing else is', async () => {
  const { checkpointer, books, written } = start(() => undefined);
  const over = new AbortController();
  const running = checkpointer.run(over.signal);
  const changes: readonly (() => unknown)[] = [
    () => books.send(chunkOf(1)),
    // All of it are dead letters: no saver sends a receipt.
    () => books.send(chunkOf(0)),
    () => books.stored(1, chunkOf(0)),
    () =>
      books.take([
        { chunk: '0', counts: { ...NO_COUNTS, in: 1 }, digest: '', fence: 1, buried: [] },
      ]),
    () => books.end(),
    () => books.setStanding({ state: 'paused' }),
    () => books.witness({ versions: { work: ['v1'] } }),
    () => books.redrives.add('0!1', 7),
    () => books.redrives.forget(['0!1']),
  ];
  for (const [nth, change] of changes.entries()) {
    change();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(written, `${change.toString()} is written`).toHaveLength(nth + 1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(written).toHaveLength(nth + 1);
  }
  // The lease is renewed all the same.
  await vi.advanceTimersByTimeAsync(LEASE_MS / 2);
  expect(written).toHaveLength(changes.length + 1);
  over.abort();
  await running;
});

test('a change during a write is written by the next one', async () => {
  let isFirst = true;
  const { checkpointer, books, written } = start(() => {
    if (isFirst) books.send(chunkOf(1));
    isFirst = false;
    return undefined;
  });
  const over = new AbortController();
  const running = checkpointer.run(over.signal);
  books.send(chunkOf(1));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(written).toEqual([
    ['save', 1],
    ['save', 2],
  ]);
  over.abort();
  await running;
});
