import { type Outcome, type Plant, simulateSeed } from '@leat/testing/simulation';
import { type Bias, drawScenario, drawWith } from './scenario.ts';

// Errors are part of the game here, and their stacks cost a tenth of the time.
Error.stackTraceLimit = 0;

/** A bug put in on purpose, and where it is looked for. */
export interface PlantedBug extends Plant {
  readonly bias?: Bias;
}

/** Lives through everything that a seed says of one of Leat's own pipelines. */
export function simulate(seed: number, plant?: PlantedBug): Promise<Outcome> {
  const draw = plant?.bias === undefined ? drawScenario : drawWith(plant.bias);
  return simulateSeed(seed, draw, { plant });
}

/** A failure for people: what, when, and how to see it again. */
export function describeFailure({ seed, violations, trace }: Outcome): string {
  if (violations.length === 0) return '';
  const replay = `LEAT_SIMULATION_SEED=${seed} npx vitest run --project simulation`;
  return `seed ${seed}:\n${violations.join('\n')}\n\n${trace}\n\nreplay: ${replay}`;
}
