import { type Outcome, type Plant, simulateSeed } from '@leat/testing/simulation';
import { drawScenario } from './scenario.ts';

// Errors are part of the game here, and their stacks cost a tenth of the time.
Error.stackTraceLimit = 0;

/** Lives through everything that a seed says of one of Leat's own pipelines. */
export function simulate(seed: number, plant?: Plant): Promise<Outcome> {
  return simulateSeed(seed, drawScenario, { plant });
}

/** A failure for people: what, when, and how to see it again. */
export function describeFailure({ seed, violations, trace }: Outcome): string {
  if (violations.length === 0) return '';
  const replay = `LEAT_SIMULATION_SEED=${seed} npx vitest run --project simulation`;
  return `seed ${seed}:\n${violations.join('\n')}\n\n${trace}\n\nreplay: ${replay}`;
}
