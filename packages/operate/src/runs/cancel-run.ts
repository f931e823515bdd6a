import {
  FIRST_CHECKPOINT,
  isEnded,
  LEASE_MS,
  LeatError,
  nextFence,
  reportOf,
  type RunProgress,
  topologyOf,
} from '@leat/core';
import { Bodies, type ProgressEntry, purgeRun, wait } from '@leat/runtime';
import { jetstream } from '@nats-io/jetstream';
import type { Site } from '../site.ts';
import type { FoundRun } from './find-run.ts';
import { demandOpen } from './pause-run.ts';
import { sweepJetStream } from './sweep-jetstream.ts';

/** How long a run that nobody holds waits for a fetcher: each looks for runs twice a second. */
const TAKE_UP_MS = 2_000;
const LOOK_MS = 100;

/**
 * Ends a run with what is saved so far. Its fetcher does it, who knows what the savers are about. If none takes it up,
 * because none is there, or none has a pipeline file that fits the run, it is ended here.
 *
 * @throws LeatError `run-state` if it has ended
 */
export async function cancelRun(site: Site, found: FoundRun): Promise<void> {
  const { request, runs } = found;
  const { run } = request;
  const before = await runs.progress(run);
  demandOpen(run, before?.progress.state);
  await runs.wishes.set(run, 'cancel');
  const left = await untilTakenUp(found, before);
  if (left === 'taken up') return;
  try {
    await runs.save(run, cancelled(found, left?.progress), left?.revision ?? 0);
  } catch (error) {
    // A fetcher was quicker, and knows that the run is to be cancelled.
    if (error instanceof LeatError && error.code === 'lease-lost') return;
    throw error;
  }
  await cleanUp(site, found);
}

/** Waits for a fetcher that works on the run. @returns the run's progress, if there is none */
async function untilTakenUp(
  { request, runs }: FoundRun,
  before: ProgressEntry | undefined,
): Promise<'taken up' | ProgressEntry | undefined> {
  // Nothing is known of it that could be counted, and nothing was sent.
  if (before === undefined && request.isRecovered !== true) return undefined;
  let entry = before;
  let seenAt = performance.now();
  for (;;) {
    const patienceMs = entry?.progress.holder === undefined ? TAKE_UP_MS : LEASE_MS;
    if (performance.now() - seenAt >= patienceMs) return entry;
    await wait(LOOK_MS);
    const now = await runs.progress(request.run);
    if (now?.revision === entry?.revision) continue;
    if (now !== undefined && (isEnded(now.progress.state) || now.progress.holder !== undefined)) {
      return 'taken up';
    }
    // A fetcher has given it back, which stops.
    entry = now;
    seenAt = performance.now();
  }
}

/** The last progress of a run that no fetcher ends. */
function cancelled({ request }: FoundRun, last: RunProgress | undefined): RunProgress {
  const at = new Date().toISOString();
  const {
    holder: _,
    reason: __,
    ...rest
  } = last ?? {
    fence: 0,
    startedAt: at,
    ledger: FIRST_CHECKPOINT,
  };
  const reason = whatIsUnknown(request, last);
  return {
    ...rest,
    state: 'cancelled',
    ...(reason !== undefined && { reason }),
    fence: nextFence(Date.now(), rest.fence),
    updatedAt: at,
    endedAt: at,
  };
}

/** What the report of a run lacks that no fetcher ended; nothing if nothing was ever sent. */
function whatIsUnknown(
  request: FoundRun['request'],
  last: RunProgress | undefined,
): string | undefined {
  const unknown = 'it was ended without a fetcher: what';
  if (last === undefined) {
    return request.isRecovered === true
      ? `${unknown} its sinks have is not in this report`
      : undefined;
  }
  const { inFlight } = reportOf(request, last).chunks;
  // More may have been sent since the fetcher last wrote its ledger.
  const since = inFlight > 0 ? `of ${inFlight} chunks in flight` : 'since its last checkpoint';
  return `${unknown} savers have committed ${since} is not in this report`;
}

/** Removes what the run has left on the server, by the graph that it was started with. */
async function cleanUp(site: Site, { request, runs }: FoundRun): Promise<void> {
  const { nats, topology: settings, logger } = site;
  const { run, pipeline, spec } = request;
  try {
    const topology = topologyOf(spec, settings);
    const client = jetstream(nats, { timeout: 5_000 });
    const manager = await client.jetstreamManager(false);
    await purgeRun(manager, topology, pipeline, run);
    const { bucket } = topology;
    const { replicas } = settings;
    await new Bodies({ client, manager, bucket, replicas }, logger).removeRun(run);
    await runs.notes.remove(run);
    await sweepJetStream(site, pipeline, runs);
  } catch (error) {
    logger.warn({ err: error, run }, 'what is left of the run was not removed: see leat doctor');
  }
}
