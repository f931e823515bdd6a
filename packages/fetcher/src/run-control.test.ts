import {
  type DeadTolerance,
  FIRST_CHECKPOINT,
  NO_COUNTS,
  type RunProgress,
  type RunRequest,
  type RunWish,
} from '@leat/core';
import type { Logger, Runs } from '@leat/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RunBooks } from './run-books.ts';
import type { RunCheckpoint, Standing } from './run-checkpoint.ts';
import { RunControl } from './run-control.ts';

/** A bucket with one wish in it; it can be away, and somebody can be quicker. */
class Wishes {
  wanted: RunWish = 'run';
  isAway = false;
  onChange: () => void = () => undefined;

  get(): Promise<RunWish> {
    return this.isAway ? Promise.reject(new Error('away')) : Promise.resolve(this.wanted);
  }

  change(_run: string, from: RunWish, to: RunWish): Promise<boolean> {
    if (this.isAway) return Promise.reject(new Error('away'));
    this.onChange();
    if (this.wanted !== from) return Promise.resolve(false);
    this.wanted = to;
    return Promise.resolve(true);
  }
}

let wishes: Wishes;
let books: RunBooks;
let said: string[];
let over: AbortController;
let pauses: number;

beforeEach(() => {
  pauses = 0;
  vi.useFakeTimers();
  wishes = new Wishes();
  books = booksFrom({ state: 'running', ledger: FIRST_CHECKPOINT });
  said = [];
  over = new AbortController();
});

afterEach(() => {
  over.abort();
  vi.useRealTimers();
});

function booksFrom(checkpoint: RunCheckpoint): RunBooks {
  return new RunBooks({ run: 'r1' } as RunRequest, checkpoint as RunProgress);
}

/** Sends the next chunk, and settles it: ten records, of which some are dead. */
function settle(dead: number): void {
  const position = { source: 'a', unit: 'line', first: 1 } as const;
  const { seq } = books.send({ body: Buffer.from(''), records: 10, position, nextCursor: 1 });
  const counts = { ...NO_COUNTS, in: 10, dead };
  books.take([{ chunk: `${seq}`, counts, digest: '', fence: 1, buried: [] }]);
}

/** @param standing how the run's next fetcher finds it */
function controlled(
  standing: Standing = { state: 'running' },
  maxDeadRecords?: DeadTolerance,
): { readonly control: RunControl; readonly standing: () => Standing } {
  const say = (_fields: unknown, line: string): void => void said.push(line);
  books = booksFrom({ ...standing, ledger: books.checkpoint().ledger });
  const own = books;
  const control = new RunControl({
    runs: { wishes } as unknown as Runs,
    books,
    maxDeadRecords,
    onChange: () => undefined,
    onPaused: () => Promise.resolve(void pauses++),
    onCancel: () => said.push('cancelled'),
    logger: { info: say, warn: say, debug: () => undefined } as unknown as Logger,
  });
  void control.watch(over.signal);
  return { control, standing: () => own.standing };
}

const look = (): Promise<unknown> => vi.advanceTimersByTimeAsync(500);

test('nothing is sent before it is known what the operator wants', async () => {
  wishes.isAway = true;
  const { control } = controlled();
  await look();
  expect([control.isKnown, control.mayGoOn]).toEqual([false, false]);
  wishes.isAway = false;
  await look();
  expect([control.isKnown, control.mayGoOn]).toEqual([true, true]);
  wishes.isAway = true;
  await look();
  expect(control.mayGoOn).toBe(true);
  expect(said).toEqual([]);
});

test('the operator pauses, resumes and cancels it', async () => {
  const { control, standing } = controlled();
  await look();
  wishes.wanted = 'pause';
  await look();
  expect(control.mayGoOn).toBe(false);
  expect(standing()).toEqual({ state: 'paused' });
  await look();
  expect(pauses).toBe(2);
  wishes.wanted = 'run';
  await look();
  expect(pauses).toBe(2);
  expect(control.mayGoOn).toBe(true);
  wishes.wanted = 'cancel';
  await look();
  await look();
  expect(control.mayGoOn).toBe(false);
  expect(said).toEqual(['run paused', 'run goes on', 'cancelled']);
});

test('when nothing is said, a burst of dead records pauses it, in mid-run too; it goes on as it is resumed', async () => {
  const { control, standing } = controlled();
  await look();
  const settleAll = (times: number, dead: number): void => {
    for (let time = 0; time < times; time++) {
      settle(dead);
      control.check();
    }
  };
  settleAll(300, 5);
  expect(control.mayGoOn).toBe(true);
  settleAll(100, 6);
  expect(control.mayGoOn).toBe(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(wishes.wanted).toBe('pause');
  expect(standing().reason).toMatch(/^600 of the last 1,000 records are dead/);
  wishes.wanted = 'run';
  await look();
  settleAll(99, 10);
  expect(control.mayGoOn).toBe(true);
  settleAll(1, 10);
  expect(control.mayGoOn).toBe(false);
});

test('too many dead records pause it at once, once, and a resumption tolerates them', async () => {
  const { control, standing } = controlled({ state: 'running' }, 3);
  await look();
  settle(3);
  control.check();
  expect(control.mayGoOn).toBe(true);
  settle(1);
  control.check();
  expect(control.mayGoOn).toBe(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(wishes.wanted).toBe('pause');
  expect(standing().state).toBe('paused');
  expect(standing().reason).toMatch(/^4 records are dead/);
  settle(2);
  control.check();
  await look();
  expect(said).toEqual([`run paused: ${standing().reason}`]);

  wishes.wanted = 'run';
  await look();
  expect(standing()).toEqual({ state: 'running', tolerated: { settled: 30, dead: 6 } });
  settle(3);
  control.check();
  expect(control.mayGoOn).toBe(true);
  settle(1);
  control.check();
  await look();
  expect(standing().reason).toMatch(/^4 further records are dead/);
  expect(said).toHaveLength(3);
});

test('a cancellation is not overwritten', async () => {
  const { control } = controlled({ state: 'running' }, 0);
  await look();
  wishes.onChange = () => {
    wishes.wanted = 'cancel';
  };
  settle(1);
  control.check();
  await look();
  expect(wishes.wanted).toBe('cancel');
  expect(said).toEqual(['cancelled']);
});

test('a run that its operator has paused says what is found to be dead meanwhile', async () => {
  wishes.wanted = 'pause';
  const { control, standing } = controlled({ state: 'running' }, 0);
  await look();
  settle(2);
  control.check();
  await look();
  expect(standing().reason).toMatch(/^2 records are dead/);
});

test('its next fetcher knows why it is paused, and that it was resumed meanwhile', async () => {
  const paused: Standing = {
    state: 'paused',
    reason: 'so many',
    tolerated: { settled: 9, dead: 9 },
  };
  wishes.wanted = 'pause';
  const first = controlled(paused, 3);
  await look();
  expect(first.standing()).toEqual(paused);
  wishes.wanted = 'run';
  settle(8);
  const second = controlled(paused, 3);
  await look();
  expect(second.standing()).toEqual({ state: 'running', tolerated: { settled: 10, dead: 8 } });
  expect(second.control.mayGoOn).toBe(true);
});

test('a fetcher that died before it could pause the run has a successor that does', async () => {
  settle(5);
  const { control } = controlled({ state: 'running' }, 3);
  wishes.isAway = true;
  await look();
  wishes.isAway = false;
  await look();
  expect(wishes.wanted).toBe('pause');
  expect(control.mayGoOn).toBe(false);
});

test('a run of which nothing is left to do is not paused', async () => {
  settle(5);
  books.end();
  const { control } = controlled({ state: 'running' }, 3);
  control.check();
  await look();
  expect(wishes.wanted).toBe('run');
  expect(control.mayGoOn).toBe(true);
  expect(said).toEqual([]);
});
