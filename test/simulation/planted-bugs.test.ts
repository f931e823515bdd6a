import { simulate } from './simulate.ts';
import { expect, test } from 'vitest';
import { PLANTED_BUGS } from './planted-bugs.ts';

/** Seeds that a planted bug may take until it is found. */
const MOST_SEEDS = 500;

test.each(PLANTED_BUGS)('finds $name', async (plant) => {
  let seed = 0;
  let violations: readonly string[] = [];
  while (violations.length === 0 && seed < MOST_SEEDS) {
    ({ violations } = await simulate(++seed, plant));
  }
  process.stdout.write(`${plant.name}: found by seed ${seed}: ${violations[0]}\n`);
  expect(violations).not.toEqual([]);
});
