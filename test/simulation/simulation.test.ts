import type { Outcome } from '@leat/testing/simulation';
import { describeFailure, simulate } from './simulate.ts';
import { expect, test } from 'vitest';

const { LEAT_SIMULATION_SEED, LEAT_SIMULATION_FROM, LEAT_SIMULATION_SECONDS } = process.env;
/** For a change that is to be judged by itself: a quick machine sees no more seeds than others. */
const { LEAT_SIMULATION_SEEDS } = process.env;
const FROM = Number(LEAT_SIMULATION_FROM ?? 1);
const SECONDS = Number(LEAT_SIMULATION_SECONDS ?? 45);
const END = FROM + Number(LEAT_SIMULATION_SEEDS ?? Number.POSITIVE_INFINITY);

function demandSound(outcome: Outcome): void {
  if (outcome.violations.length > 0) throw new Error(describeFailure(outcome));
}

test.runIf(LEAT_SIMULATION_SEED !== undefined)('replays a seed', async () => {
  const outcome = await simulate(Number(LEAT_SIMULATION_SEED));
  process.stdout.write(`${outcome.trace}\n`);
  expect(outcome.violations).toEqual([]);
});

test('a seed replays event for event', async () => {
  const { trace, events } = await simulate(FROM);
  const again = await simulate(FROM);
  expect(again.events).toBe(events);
  expect(again.trace).toBe(trace);
});

test.skipIf(LEAT_SIMULATION_SEED !== undefined)(
  `nothing is lost, doubled or stuck, for ${SECONDS} s of seeds`,
  async () => {
    const end = performance.now() + SECONDS * 1_000;
    const sums = {
      seeds: 0,
      records: 0,
      deaths: 0,
      faults: 0,
      virtualHours: 0,
      longestRecoveryMs: 0,
    };
    for (let seed = FROM; seed < END && performance.now() < end; seed++) {
      const outcome = await simulate(seed);
      demandSound(outcome);
      sums.seeds++;
      sums.records += outcome.records;
      sums.deaths += outcome.deaths;
      sums.faults += outcome.faults;
      sums.longestRecoveryMs = Math.max(sums.longestRecoveryMs, outcome.recoveryMs);
      sums.virtualHours += outcome.virtualMs / 3_600_000;
    }
    const { seeds, records, deaths, faults, virtualHours, longestRecoveryMs } = sums;
    process.stdout.write(
      `simulation: ${seeds} seeds from ${FROM}, ${faults} faults, ${deaths} deaths, ` +
        `${records} records, ${virtualHours.toFixed(1)} virtual hours, ` +
        `longest recovery ${(longestRecoveryMs / 1_000).toFixed(0)} s\n`,
    );
    expect(seeds).toBeGreaterThan(0);
  },
  SECONDS * 1_000 + 120_000,
);
