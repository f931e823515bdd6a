import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '@leat/core';
import { wait } from '@leat/runtime';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, type Role } from '../support/deployment.ts';
import type { LeatProcess } from '../support/leat.ts';
import { SavedFolder } from '../support/saved-folder.ts';
import { until } from '../support/until.ts';
import { REPLICAS } from './plan.ts';
import { Supervisor } from './supervisor.ts';

/** What is promised of the default settings. */
const LONGEST_STALL_MS = 15_000;
/** A machine that stood still for seconds did so by chance, and will not do it each time. */
const MOST_TRIES = 3;
/** Most chunks in flight in the pipeline `steady`. */
const WINDOW = 100;
const SAMPLE_MS = 50;

/** When each chunk was first seen in the sink. */
class Timeline {
  readonly #folder: SavedFolder;
  readonly #seenAt = new Map<number, number>();
  #highest = -1;

  constructor(folder: string) {
    this.#folder = new SavedFolder(folder);
  }

  get count(): number {
    return this.#seenAt.size;
  }

  /** The last chunk of the dataset that is there; some before it may be in flight. */
  get highest(): number {
    return this.#highest;
  }

  async follow(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const chunks = await this.#folder.chunks();
      const now = performance.now();
      for (const { seq } of chunks) {
        if (this.#seenAt.has(seq)) continue;
        this.#seenAt.set(seq, now);
        this.#highest = Math.max(this.#highest, seq);
      }
      await wait(SAMPLE_MS, over).catch(() => undefined);
    }
  }

  hasAllUpTo(seq: number): boolean {
    return Array.from({ length: seq + 1 }, (_, each) => each).every((each) =>
      this.#seenAt.has(each),
    );
  }

  /** The longest time from then on in which no chunk was saved. */
  longestStallMs(fromMs: number): number {
    const later = [...this.#seenAt.values()].filter((at) => at > fromMs).toSorted((a, b) => a - b);
    return Math.max(...later.map((at, nth) => at - (later[nth - 1] ?? fromMs)));
  }
}

/**
 * Starts processes each as if on a new host, as in Kubernetes, where nobody can see that another has died
 * but by its silence. One has to be root for it.
 */
async function newHosts(): Promise<() => readonly string[]> {
  let lives = 0;
  const within = (): readonly string[] => {
    const name = `leat-host-${++lives}`;
    return ['unshare', '--uts', 'sh', '-c', `hostname ${name} && exec "$0" "$@"`];
  };
  const [program = '', ...args] = within();
  try {
    await promisify(execFile)(program, [...args, 'true']);
    return within;
  } catch (error) {
    process.stderr.write(`NOT TESTED: fetchers on hosts of their own: ${messageOf(error)}\n`);
    return () => [];
  }
}

const isShort = ({ stallMs }: { stallMs: number }): boolean => stallMs < LONGEST_STALL_MS;

test('no stall is longer than 15 s after a SIGKILL of any role or the server', async () => {
  await using site = await Deployment.create('steady.ts');
  const run = await site.start({ count: 10_000_000, delayMs: 20 });
  let onNewHost = await newHosts();
  const present = new Map<string, LeatProcess>();
  const supervisor = new Supervisor(REPLICAS, (role, name) => {
    const started = site.replica(role, [], onNewHost());
    present.set(name, started);
    return started;
  });
  const over = new AbortController();
  const timeline = new Timeline(site.out('steady', run));
  const following = timeline.follow(over.signal);
  const killRole = (role: Role, isVictim = (_name: string): boolean => true): void => {
    for (const each of supervisor.replicas) {
      if (each.role === role && isVictim(each.name)) each.signal('SIGKILL');
    }
  };
  const isActive = (name: string): boolean =>
    /run (?:started|resumed)/.test(present.get(name)?.stderr() ?? '');
  const kills: Record<string, () => unknown> = {
    'every mapper': () => killRole('mapper'),
    'every saver': () => killRole('saver'),
    'the active fetcher': () => killRole('fetcher', isActive),
    'every fetcher': () => {
      onNewHost = () => [];
      killRole('fetcher');
    },
    // From here on they live on one host.
    'the active fetcher, one host': () => killRole('fetcher', isActive),
    'the server': () => site.server.kill('SIGKILL').then(() => site.server.restart()),
  };
  const stallAfter = async (victim: string, kill: () => unknown): Promise<number> => {
    const before = timeline.count;
    await until('chunks move', () => timeline.count >= before + 100, DEADLINE_MS);
    const killedAt = performance.now();
    const inFlight = timeline.highest + WINDOW;
    await kill();
    await until(
      `everything moves again after the death of ${victim}`,
      () => timeline.highest > inFlight + WINDOW && timeline.hasAllUpTo(inFlight),
      DEADLINE_MS,
    );
    const stallMs = timeline.longestStallMs(killedAt);
    const caughtUpMs = performance.now() - killedAt;
    process.stdout.write(
      `killed: ${victim.padEnd(28)}  longest stall ${(stallMs / 1_000).toFixed(1)} s, ` +
        `nothing left behind after ${(caughtUpMs / 1_000).toFixed(1)} s\n`,
    );
    return stallMs;
  };
  try {
    for (const [victim, kill] of Object.entries(kills)) {
      let stallMs = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < MOST_TRIES && stallMs >= LONGEST_STALL_MS; tries++) {
        stallMs = await stallAfter(victim, kill);
      }
      expect({ victim, stallMs }).toSatisfy(isShort);
    }
  } finally {
    over.abort();
    await following;
    await supervisor.stop();
  }
});
