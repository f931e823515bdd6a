import { FIRST_CHECKPOINT, LEASE_MS, LeatError, Ledger, type LedgerCheckpoint } from '@leat/core';
import type { Logger, PipelineConnection, ReceiptDelivery } from '@leat/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Checkpointer } from './checkpointer.ts';
import type { Lease } from './lease.ts';

const logger = { warn: () => undefined } as unknown as Logger;
const connection = {
  link: { isClosed: false },
  repair: () => Promise.resolve(),
} as unknown as PipelineConnection;

/** What was written: how, and how many chunks the ledger had sent. */
type Written = readonly [what: string, chunks: number, reason?: string];

/** A checkpointer over a lease in memory, and its ledger. */
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
    save: (ledger: LedgerCheckpoint) => lease.write(ledger, 'save'),
    end: (ledger: LedgerCheckpoint, state: string, reason?: string) =>
      lease.write(ledger, state, reason),
    giveBack: (ledger: LedgerCheckpoint) => lease.write(ledger, 'back'),
  };
  const ledger = new Ledger();
  const stop = new AbortController();
  const checkpointer = new Checkpointer({
    ledger,
    lease: lease as unknown as Lease,
    connection,
    stop: stop.signal,
    logger,
  });
  const acked: string[] = [];
  const take = (seq: number): void => {
    ledger.send(seq, { records: 1, nextCursor: seq, fraction: undefined, checksum: '00000000' }, 0);
    checkpointer.keep({ ack: () => void acked.push(`${seq}`) } as unknown as ReceiptDelivery);
  };
  return { checkpointer, take, written, acked, stop };
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
