import type { RunRequest, RunWish } from '@leat/core';
import { expect, test } from 'vitest';
import { createLogger } from '../logger.ts';
import type { Runs } from './runs.ts';
import { type Remembered, tellAgainIfLost } from './tell-again.ts';

const request = { run: 'r', pipeline: 'p', born: '0000000000001' } as RunRequest;
const logger = createLogger({ format: 'json', level: 'silent' });

/** A broker that knows what is given here of a run. */
function brokerWith(entries: { isKnown?: boolean; hasProgress?: boolean }) {
  const told: RunRequest[] = [];
  const wishes: RunWish[] = [];
  const runs = {
    get: async () => (entries.isKnown === true ? request : undefined),
    progress: async () => (entries.hasProgress === true ? { progress: {} } : undefined),
    restore: async (again: RunRequest) => {
      told.push(again);
    },
    wishes: {
      change: async (_: string, __: RunWish, to: RunWish) => {
        wishes.push(to);
        return true;
      },
    },
  } as unknown as Runs;
  return { entries, runs, told, wishes };
}

const remembered = (change: Partial<Remembered> = {}): Remembered => ({
  request,
  isOpen: true,
  said: { wish: 'run' },
  misses: 0,
  ...change,
});

test.each([
  ['the run alone', { hasProgress: true }, request],
  ['the run with its ledger', {}, { ...request, isRecovered: true }],
])('a broker that has lost %s is told of it at the second look', async (_, entries, again) => {
  const { runs, told } = brokerWith(entries);
  const known = remembered();
  await tellAgainIfLost(known, { runs, logger });
  expect(told).toEqual([]);
  await tellAgainIfLost(known, { runs, logger });
  expect(told).toEqual([again]);
});

test('one that is there again by then is not told of', async () => {
  const { entries, runs, told } = brokerWith({});
  const known = remembered();
  await tellAgainIfLost(known, { runs, logger });
  entries.isKnown = true;
  await tellAgainIfLost(known, { runs, logger });
  entries.isKnown = false;
  await tellAgainIfLost(known, { runs, logger });
  expect(told).toEqual([]);
});

test('a paused run is told of as a paused one', async () => {
  const { runs, told, wishes } = brokerWith({});
  await tellAgainIfLost(remembered({ said: { wish: 'pause' }, misses: 1 }), { runs, logger });
  expect(told).toHaveLength(1);
  expect(wishes).toEqual(['pause']);
});

test.each<[string, Partial<Remembered>]>([
  ['has ended', { isOpen: false }],
  ['is cancelled', { said: { wish: 'cancel' } }],
])('a run that %s may be forgotten', async (_, change) => {
  const { runs, told } = brokerWith({});
  await tellAgainIfLost(remembered({ ...change, misses: 9 }), { runs, logger });
  expect(told).toEqual([]);
});
