import { Random } from '@leat/testing/simulation';

/** Something that goes wrong. */
export interface Strike {
  /** When, in milliseconds from the first saved chunk on. */
  readonly atMs: number;
  readonly fault: FaultName;
  /** Whom it hits: a replica such as `mapper 2`, a role, or a stream; nothing where there is no choice. */
  readonly target: string;
  /** For how long, in milliseconds. */
  readonly forMs: number;
}

/** What a seed stands for. */
export interface Plan {
  readonly seed: number;
  /** In order of time. */
  readonly strikes: readonly Strike[];
}

/** Replicas of each role. */
export const REPLICAS = { fetcher: 2, mapper: 2, saver: 2 } as const;
/** Streams that can be rebuilt: all but the dead letters', which have nobody to write them again. */
const STREAMS = ['unsteady', 'thirds', 'rows', 'files', 'receipts'];

const ROLES = ['fetcher', 'mapper', 'saver'] as const;

function anyReplica(random: Random): string {
  const role = random.pick(ROLES);
  return `${role} ${random.between(1, REPLICAS[role])}`;
}

interface Kind {
  /** How often it is drawn, as compared with the others. */
  readonly weight: number;
  readonly target: (random: Random) => string;
  readonly forMs: readonly number[];
}

const nobody = (): string => '';
const anyRole = (random: Random): string => random.pick(ROLES);
const anyStream = (random: Random): string => random.pick(STREAMS);

/** Every fault, and how long it lasts. */
const KINDS = {
  /** SIGKILL; started again after that time. */
  kill: { weight: 5, target: anyReplica, forMs: [0, 500, 3_000] },
  'kill all of a role': { weight: 1, target: anyRole, forMs: [0, 500, 3_000] },
  /** SIGTERM, as a rolling update does. */
  terminate: { weight: 2, target: anyReplica, forMs: [0, 500] },
  /** SIGTERM, and started again with another file: a stage more, or other chunk sizes; rolled back after that time. */
  'roll out a graph': { weight: 2, target: anyReplica, forMs: [500, 3_000, 6_000] },
  'roll out sizes': { weight: 2, target: anyReplica, forMs: [500, 3_000, 6_000] },
  /** SIGSTOP, and SIGCONT after that time. */
  freeze: { weight: 4, target: anyReplica, forMs: [300, 3_000, 6_000, 14_000] },
  'kill server': { weight: 2, target: nobody, forMs: [0, 500, 3_000] },
  'stop server': { weight: 1, target: nobody, forMs: [0, 1_000] },
  'freeze server': { weight: 1, target: nobody, forMs: [500, 4_000] },
  'wipe storage': { weight: 1, target: nobody, forMs: [0, 1_000] },
  'delete stream': { weight: 2, target: anyStream, forMs: [0] },
  'delete consumer': { weight: 2, target: anyStream, forMs: [0] },
  'purge stream': { weight: 1, target: anyStream, forMs: [0] },
  'delete bucket': { weight: 1, target: nobody, forMs: [0] },
  'stop postgres': { weight: 2, target: nobody, forMs: [500, 3_000, 8_000] },
  /** Commits hang until then. */
  'lock table': { weight: 1, target: nobody, forMs: [500, 4_000] },
} as const satisfies Record<string, Kind>;

export type FaultName = keyof typeof KINDS;

/** Draws what goes wrong: a pure function of the seed. */
export function planOf(seed: number, withinMs = 9_000): Plan {
  const random = new Random(seed);
  const names = Object.keys(KINDS) as FaultName[];
  const pool = names.flatMap((name) => Array.from({ length: KINDS[name].weight }, () => name));
  const strikes = Array.from({ length: random.between(4, 12) }, () => {
    const fault = random.pick(pool);
    const { target, forMs }: Kind = KINDS[fault];
    const atMs = random.between(0, withinMs);
    return { atMs, fault, target: target(random), forMs: random.pick(forMs) };
  });
  return { seed, strikes: strikes.toSorted((a, b) => a.atMs - b.atMs) };
}

/** The plan in lines. */
export function planText({ seed, strikes }: Plan): string {
  const lines = strikes.map(
    ({ atMs, fault, target, forMs }) =>
      `  ${(atMs / 1_000).toFixed(2).padStart(6)} s  ${`${fault} ${target}`.trim()}` +
      (forMs > 0 ? `, ${forMs / 1_000} s` : ''),
  );
  return `seed ${seed}: ${strikes.length} faults\n${lines.join('\n')}`;
}
