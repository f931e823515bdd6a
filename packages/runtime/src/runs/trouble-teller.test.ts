import type { Trouble } from '@leat/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunNotes } from './run-notes.ts';
import type { Logger } from '../logger.ts';
import { TroubleTeller } from './trouble-teller.ts';

let noted: string[];
let logged: string[];
let isAway: boolean;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-27T12:00:00.000Z') });
  [noted, logged, isAway] = [[], [], false];
});

afterEach(() => {
  vi.useRealTimers();
});

function teller(): TroubleTeller {
  const notes = {
    tellTrouble: async (run: string, { stage, reason, at }: Trouble) => {
      if (isAway) throw new Error('no server answers');
      noted.push([run, stage, reason, at].join(' | '));
    },
  } as unknown as RunNotes;
  const log =
    (level: string) =>
    ({ run }: { readonly run: string }, line: string): void =>
      void logged.push(`${level} ${run}: ${line}`);
  const logger = { error: log('error'), debug: log('debug') } as unknown as Logger;
  return new TroubleTeller(notes, 'out', logger);
}

test('a trouble is logged, and noted beside the run with its time', () => {
  teller().tell('r', 'The sink is full.');
  expect(logged).toEqual(['error r: The sink is full.']);
  expect(noted).toEqual(['r | out | The sink is full. | 2026-11-27T12:00:00.000Z']);
});

test('what its caller has logged is only noted', () => {
  teller().note('r', 'The sink is away.');
  expect([logged, noted]).toEqual([[], ['r | out | The sink is away. | 2026-11-27T12:00:00.000Z']]);
});

test('the same trouble is told again every ten seconds while it lasts', () => {
  const one = teller();
  for (let second = 0; second <= 60; second++) {
    one.tell('r', 'The sink is full.');
    vi.advanceTimersByTime(1_000);
  }
  // Much sooner than it is taken for over, see RunNotes.
  expect(noted).toHaveLength(7);
});

test('another trouble of the run is told at once, and so is that of another run', () => {
  const one = teller();
  one.tell('r', 'The sink is full.');
  one.tell('s', 'The sink is full.');
  one.tell('r', 'The sink is that of another run.');
  one.tell('r', 'The sink is that of another run.');
  expect(logged).toEqual([
    'error r: The sink is full.',
    'error s: The sink is full.',
    'error r: The sink is that of another run.',
  ]);
});

test('a trouble that cannot be noted is logged all the same', async () => {
  isAway = true;
  teller().tell('r', 'The sink is full.');
  await vi.advanceTimersByTimeAsync(0);
  expect(logged).toEqual([
    'error r: The sink is full.',
    'debug r: trouble not told: no server answers',
  ]);
});

test('the troubles of a bounded number of runs are remembered, those told last', () => {
  const one = teller();
  for (let n = 0; n <= 100; n++) one.tell(`r${n}`, 'The sink is full.');
  one.tell('r1', 'The sink is full.');
  expect(noted).toHaveLength(101);
  one.tell('r0', 'The sink is full.');
  expect(noted).toHaveLength(102);
});
