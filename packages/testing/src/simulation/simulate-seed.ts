import { createInbox } from '@nats-io/transport-node';
import type { Plant } from './plant.ts';
import { Random } from './random.ts';
import { installGlobals } from './virtual-globals.ts';
import { World } from './world.ts';

/** The longest that a run may take, in virtual time; the last fault begins in the first half minute. */
const MAX_MS = 600_000;

// The client draws random numbers when it makes its first id, which must not be in the first run.
createInbox();

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  /** What happened, line by line. */
  readonly trace: string;
  /** How often something went wrong on purpose, other than with a single message. */
  readonly faults: number;
  readonly virtualMs: number;
  /** How long the run took from the last fault to its end, in virtual time. */
  readonly recoveryMs: number;
  readonly events: number;
  readonly deaths: number;
  readonly records: number;
}

/** Lives through everything that a seed says, and tells what should not have happened. */
export async function simulate(seed: number, plant?: Plant): Promise<Outcome> {
  const world = new World(seed, plant);
  const restore = installGlobals(world.clock, new Random(seed ^ 0x5eed), (pid) =>
    world.isAlive(pid),
  );
  const unplant = plant?.install?.();
  try {
    await world.run(MAX_MS);
  } finally {
    unplant?.();
    restore();
  }
  const { violations } = world;
  return {
    seed,
    violations,
    // Only made when it is asked for: it costs more than the run.
    get trace() {
      return `${world.trace.toString()}\n${world.describe()}`;
    },
    faults: world.faults,
    virtualMs: world.clock.now,
    recoveryMs: Math.max(0, world.endedAt - world.lastFaultAt),
    events: world.clock.events,
    deaths: world.deployments.reduce((sum, { deaths }) => sum + deaths, 0),
    records: world.deployments.reduce((sum, { scenario }) => sum + scenario.dataset.records, 0),
  };
}

/** A failure for people: what, when, and how to see it again. */
export function describeFailure({ seed, violations, trace }: Outcome): string {
  if (violations.length === 0) return '';
  const replay = `LEAT_SIMULATION_SEED=${seed} npx vitest run --project simulation`;
  return `seed ${seed}:\n${violations.join('\n')}\n\n${trace}\n\nreplay: ${replay}`;
}
