import {
  isEnded,
  LeatError,
  messageOf,
  type RunReport,
  type RunRequest,
  specDifference,
} from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import { type Logger, type PipelineConnection, runInfoOf, wait } from '@leat/sdk/internal';
import { type Conducted, conduct } from './conduct.ts';
import { newHolderId } from './holder-id.ts';
import { Lease, type Sightings } from './lease.ts';
import { ledgerFromSinks } from './ledger-from-sinks.ts';

/** How often runs are looked for, and leases of others watched. */
const LOOK_MS = 500;

export interface FetcherServiceOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly logger: Logger;
  /** Work on this run only, and return when it has ended. */
  readonly only?: string;
  /**
   * Return when no run is left to work on, rather than wait for the next.
   * @defaultValue `false`
   */
  readonly once?: boolean;
  /** Checkpoints, gives the lease back and returns. */
  readonly stop: AbortSignal;
  readonly onProgress?: (report: RunReport) => void;
  /** Told the fence of the lease that this fetcher has got, and when it holds none any more. */
  readonly onLease?: (fence: number | undefined) => void;
  /** Told of each run that this fetcher has brought to an end. */
  readonly onEnded?: (conducted: Conducted) => void;
}

/**
 * Hosts the fetcher: takes up pending and interrupted runs of its pipeline, oldest first and one at a
 * time, and conducts each to its end. Several fetchers for one pipeline share the runs, and each stands
 * by to take over from the others.
 *
 * @throws LeatError `invalid-pipeline` if the run named by `only` belongs to another graph, or
 * `invalid-configuration` if a secret of it is not known here
 */
export async function runFetcher(options: FetcherServiceOptions): Promise<void> {
  const { connection, logger, stop, only } = options;
  const holder = newHolderId();
  const sightings: Sightings = new Map();
  const unfit = new Set<string>();
  while (!stop.aborted) {
    let isIdle = true;
    let isDone = true;
    try {
      for (const request of await candidates(options)) {
        if (unfit.has(request.run)) continue;
        isDone = false;
        const unfitness = whyUnfit(request, options.pipeline);
        if (unfitness !== undefined) {
          unfit.add(request.run);
          if (only !== undefined) throw unfitness;
          logger.error({ run: request.run }, unfitness.message);
          continue;
        }
        const lease = await Lease.claim({
          request,
          runs: connection.runs,
          holder,
          sightings,
          firstLedger: () => ledgerFromSinks(request, options.pipeline, logger),
          logger,
        });
        if (lease === undefined) continue;
        isIdle = false;
        await conductOne(options, request, lease);
        break;
      }
    } catch (error) {
      if (error instanceof LeatError) throw error;
      if (connection.link.isClosed) {
        throw new LeatError('unreachable', 'The connection to NATS was closed.', { cause: error });
      }
      isDone = false;
      isIdle = true;
      logger.warn({ err: error }, `runs not seen: ${messageOf(error)}`);
      await connection.repair().catch(() => undefined);
    }
    if (isDone && (options.once === true || only !== undefined)) return;
    if (isIdle) await wait(LOOK_MS, stop).catch(() => undefined);
  }
}

/** Why a run is left to other fetchers, if it is. */
function whyUnfit(request: RunRequest, pipeline: Pipeline): LeatError | undefined {
  const difference = specDifference(request.spec, pipeline.spec);
  if (difference !== undefined) {
    return new LeatError(
      'invalid-pipeline',
      `The run ${request.run} does not fit this pipeline file: ${difference}.`,
    );
  }
  try {
    runInfoOf(request);
    return undefined;
  } catch (error) {
    if (error instanceof LeatError) return error;
    throw error;
  }
}

/** The runs that may be taken up, oldest first; those that rest come last, and keep no other waiting. */
async function candidates({
  connection: { runs },
  only,
}: FetcherServiceOptions): Promise<RunRequest[]> {
  const open = await runs.listOpen();
  if (only !== undefined) return open.filter(({ run }) => run === only);
  const awake: RunRequest[] = [];
  const resting: RunRequest[] = [];
  for (const request of open) {
    const isResting = (await runs.progress(request.run))?.progress.state === 'paused';
    (isResting ? resting : awake).push(request);
  }
  return [...awake, ...resting];
}

/** Whether another run waits for a fetcher. */
async function anotherWaits(options: FetcherServiceOptions, run: string): Promise<boolean> {
  const { connection, pipeline } = options;
  for (const other of await candidates(options)) {
    if (other.run === run || whyUnfit(other, pipeline) !== undefined) continue;
    const found = (await connection.runs.progress(other.run))?.progress;
    if (found?.holder === undefined && found?.state !== 'paused') return true;
  }
  return false;
}

async function conductOne(
  options: FetcherServiceOptions,
  request: RunRequest,
  lease: Lease,
): Promise<void> {
  const { connection, pipeline, logger, stop, onProgress, onLease, onEnded } = options;
  const { run } = request;
  const leave = new AbortController();
  const isResumed = lease.progress.ledger.next > 0;
  logger.info({ run, fence: lease.fence }, isResumed ? 'run resumed' : 'run started');
  onLease?.(lease.fence);
  try {
    const conducted = await conduct({
      connection,
      pipeline,
      request,
      lease,
      logger,
      stop: AbortSignal.any([stop, leave.signal]),
      onResting: async () => {
        if (await anotherWaits(options, run)) leave.abort();
      },
      ...(onProgress && { onProgress }),
    });
    const { state } = conducted.report;
    if (isEnded(state)) {
      logger.info({ run, state }, 'run ended');
      onEnded?.(conducted);
    } else if (leave.signal.aborted) {
      logger.info({ run }, 'run rests, another one is taken up');
    } else {
      logger.info({ run }, 'run interrupted, it can be resumed');
    }
  } catch (error) {
    if (!(error instanceof LeatError && error.code === 'lease-lost')) throw error;
    logger.warn({ run }, error.message);
  } finally {
    onLease?.(undefined);
  }
}
