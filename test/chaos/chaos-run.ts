import { isEnded } from '@leat/core';
import { Runs, wait } from '@leat/runtime';
import { connect } from '@nats-io/transport-node';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { startPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { unleash } from './monkey.ts';
import { examineRun } from './outcome.ts';
import { type Plan, REPLICAS } from './plan.ts';
import { Supervisor } from './supervisor.ts';

/** How many numbers: ten seconds of work when nothing is in the way. */
const COUNT = 12_000;
/** No process of a small run has a reason to need more. */
const MOST_MEGABYTES = 400;
/** How long a run may be unknown to the server until its operator starts it again. */
const FORGOTTEN_MS = 5_000;
const LOOK_MS = 250;

/** What a plan did to a run, and what became of it. */
export interface ChaosOutcome {
  readonly violations: readonly string[];
  /** How often each fault struck. */
  readonly faults: Readonly<Record<string, number>>;
  readonly deaths: number;
  readonly records: number;
  readonly seconds: number;
  readonly peakMegabytes: number;
  /** How often the broker and every fetcher had forgotten the run together, and it was started again. */
  readonly restarts: number;
}

/**
 * Runs the pipeline `chaos` as separate processes, and lets the monkey loose on it.
 *
 * @param version of nats-server; the current one if it is absent
 */
export async function chaosRun(plan: Plan, version?: string): Promise<ChaosOutcome> {
  const startedAt = performance.now();
  await using postgres = await startPostgres();
  await using site = await Deployment.create('chaos.ts', {
    env: { DATABASE_URL: postgres.url, LEAT_ACK_WAIT_MS: '2000' },
    ...(version === undefined ? {} : { version }),
  });
  const params = { count: COUNT, delayMs: 10, commitMs: 30 };
  const run = await site.start(params);
  const edits = new Map<string, string>();
  const supervisor = new Supervisor(REPLICAS, (role, name) =>
    site.as({ CHAOS_EDIT: edits.get(name) ?? '' }).replica(role),
  );
  const over = new AbortController();
  try {
    await site.untilSaved(5, run, 'files');
    const { replicas } = supervisor;
    const world = { pipeline: 'chaos', server: site.server, replicas, edits, postgres };
    const monkey = unleash(plan, world, over.signal);
    const startAgain = (): Promise<string> => site.start(params, run, '--recover');
    let restarts = await untilRunEnds(site, run, startAgain);
    over.abort();
    const struck = await monkey;
    // The last strike may have come after it was seen to end, and wiped it.
    restarts += await untilRunEnds(site, run, startAgain);
    const violations = [...(await supervisor.stop())];
    const hits = struck.filter(({ missed }) => missed === undefined);
    const isWiped = hits.some(({ strike }) => strike.fault === 'wipe storage');
    violations.push(...(await examineRun(site, run, COUNT, postgres.url, !isWiped)));
    if (supervisor.peakMegabytes > MOST_MEGABYTES) {
      violations.push(`a process had ${supervisor.peakMegabytes.toFixed(0)} MB`);
    }
    const faults: Record<string, number> = {};
    for (const { strike } of hits) faults[strike.fault] = (faults[strike.fault] ?? 0) + 1;
    return {
      violations,
      faults,
      deaths: supervisor.deaths,
      records: COUNT,
      seconds: (performance.now() - startedAt) / 1_000,
      peakMegabytes: supervisor.peakMegabytes,
      restarts,
    };
  } finally {
    over.abort();
    await supervisor.stop();
  }
}

/**
 * Waits until the run has ended. A run that is wiped from the server while no fetcher knows it is started
 * again, as its operator would.
 *
 * @returns how often that was
 */
async function untilRunEnds(
  site: Deployment,
  run: string,
  startAgain: () => Promise<unknown>,
): Promise<number> {
  const connection = await connect({ servers: site.server.url, maxReconnectAttempts: -1 });
  let restarts = 0;
  let unknownSince: number | undefined;
  try {
    await until(
      `the run ${run} has ended`,
      async () => {
        await wait(LOOK_MS);
        let all: Runs[];
        try {
          all = await Runs.openAll(connection, { signing: undefined });
          for (const runs of all) {
            const state = (await runs.progress(run))?.progress.state;
            if (state !== undefined && isEnded(state)) return true;
            if (state !== undefined || (await runs.get(run)) !== undefined) {
              unknownSince = undefined;
              return false;
            }
          }
        } catch {
          return false; // The server is away.
        }
        unknownSince ??= performance.now();
        if (performance.now() - unknownSince < FORGOTTEN_MS) return false;
        await startAgain().catch(() => undefined);
        restarts++;
        unknownSince = undefined;
        return false;
      },
      2 * DEADLINE_MS,
    );
  } finally {
    await connection.close();
  }
  return restarts;
}
