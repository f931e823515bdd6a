import { MINIMUM_VERSION } from '@leat/nats-server';
import { afterAll, expect, test } from 'vitest';
import { chaosRun, type ChaosOutcome } from './chaos-run.ts';
import { planOf, planText } from './plan.ts';

const { LEAT_CHAOS_SEED, LEAT_CHAOS_RUNS, LEAT_CHAOS_SECONDS } = process.env;
const FIRST = Number(LEAT_CHAOS_SEED ?? Date.now() % 1_000_000_000);
const SECONDS = Number(LEAT_CHAOS_SECONDS ?? Number.POSITIVE_INFINITY);
/** No run is shorter than ten seconds. */
const MOST_RUNS = Number.isFinite(SECONDS) ? Math.ceil(SECONDS / 10) : 3;
const RUNS = Number(LEAT_CHAOS_RUNS ?? (LEAT_CHAOS_SEED === undefined ? MOST_RUNS : 1));
const SEEDS = Array.from({ length: RUNS }, (_, at) => FIRST + at);

const startedAt = performance.now();
const outcomes: ChaosOutcome[] = [];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

test('a seed stands for one plan', () => {
  expect(planOf(FIRST)).toEqual(planOf(FIRST));
  expect(planOf(FIRST + 1)).not.toEqual(planOf(FIRST));
});

test.each(SEEDS)(
  'every record is saved exactly once in spite of the monkey of seed %i',
  async (seed) => {
    if (performance.now() - startedAt > SECONDS * 1_000) return;
    const plan = planOf(seed);
    // Odd seeds are for the oldest server that Leat works with.
    const version = seed % 2 === 1 ? MINIMUM_VERSION : undefined;
    say(`${planText(plan)}\non nats-server ${version ?? 'as it is current'}`);
    const outcome = await chaosRun(plan, version);
    outcomes.push(outcome);
    say(
      `seed ${seed}: ${outcome.seconds.toFixed(0)} s, ${outcome.deaths} deaths, ` +
        `at most ${outcome.peakMegabytes.toFixed(0)} MB`,
    );
    for (const violation of outcome.violations) say(`seed ${seed}: ${violation}`);
    expect({ seed, violations: outcome.violations }).toEqual({ seed, violations: [] });
  },
);

afterAll(() => {
  const faults: Record<string, number> = {};
  for (const outcome of outcomes) {
    for (const [fault, count] of Object.entries(outcome.faults)) {
      faults[fault] = (faults[fault] ?? 0) + count;
    }
  }
  const sum = (of: (outcome: ChaosOutcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const kinds = Object.entries(faults).map(([fault, count]) => `${count} ${fault}`);
  say(
    `chaos: ${outcomes.length} runs from seed ${FIRST}, ${sum(({ records }) => records)} records, ` +
      `${sum(({ deaths }) => deaths)} deaths, ${sum(({ restarts }) => restarts)} runs started again; ${kinds.join(', ')}`,
  );
});
