import { connect, createInbox } from '@nats-io/transport-node';
import { inVirtualTime } from './in-virtual-time.ts';
import type { Plant } from './plant.ts';
import { Random } from './random.ts';
import type { Draw } from './scenario.ts';
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

export interface SeedOptions {
  readonly plant?: Plant | undefined;
  /**
   * How much longer than usual a run may take, in virtual milliseconds, because its functions are slow.
   * @defaultValue `0`
   */
  readonly extraMs?: number;
}

/** Lives through everything that a seed says, and tells what should not have happened. */
export async function simulateSeed(
  seed: number,
  draw: Draw,
  { plant, extraMs = 0 }: SeedOptions = {},
): Promise<Outcome> {
  const world = new World(seed, draw, plant);
  await inVirtualTime('The pipeline', new Random(seed ^ 0xfa7e), () => world.settle());
  const random = new Random(seed ^ 0x5eed);
  const restore = installGlobals(world.clock, random, (pid) => world.isAlive(pid));
  const unplant = plant?.install?.();
  try {
    await world.run(MAX_MS + extraMs);
  } finally {
    unplant?.();
    restore();
    await giveTransportBack();
  }
  const { violations, deployments } = world;
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
    deaths: deployments.reduce((sum, { deaths }) => sum + deaths, 0),
    records: deployments.reduce((sum, { scenario }) => sum + scenario.dataset.records, 0),
  };
}

/** The client has one transport for a process: its own comes back with any `connect`, also one in vain. */
async function giveTransportBack(): Promise<void> {
  await connect({ servers: 'nowhere', port: 1 }).catch(() => undefined);
}
