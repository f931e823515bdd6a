import {
  isEnded,
  isNewerVersion,
  LeatError,
  messageOf,
  type RunReport,
  type RunRequest,
  type WindowRules,
} from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import {
  type Logger,
  type PipelineConnection,
  type Telemetry,
  TroubleTeller,
  unlessAborted,
  wait,
  whyUnfit,
} from '@leat/runtime';
import type { Conducted } from './conduct-options.ts';
import { conduct } from './conduct.ts';
import { newHolderId } from './holder-id.ts';
import { type ClaimOptions, Lease } from './lease.ts';
import { ledgerFromSinks } from './ledger-from-sinks.ts';
import { SeenRuns } from './seen-runs.ts';

/** How often runs are looked for, and leases of others watched. */
const LOOK_MS = 500;

export interface FetcherServiceOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly logger: Logger;
  readonly telemetry?: Telemetry | undefined;
  /** Work on this run only, and return when it has ended. */
  readonly only?: string;
  /**
   * Return when no run is left to work on, rather than wait for the next.
   * @defaultValue `false`
   */
  readonly once?: boolean;
  /** Checkpoints, gives the lease back and returns. */
  readonly stop: AbortSignal;
  /** The version of the user's code, for the run's report. */
  readonly codeVersion?: string | undefined;
  readonly onProgress?: (report: RunReport) => void;
  /** Told how many chunks may be in flight, whenever that has changed. */
  readonly onWindow?: (chunks: number) => void;
  /** How the window of a run begins. @defaultValue `WINDOW_RULES` */
  readonly windowRules?: WindowRules;
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
  const fetcher = options.pipeline.fetcher.name;
  const self: Self = {
    holder: newHolderId(),
    lastSeen: new Map(),
    seen: new SeenRuns(connection.runs, logger),
    troubles: new TroubleTeller(connection.runs.notes, fetcher, logger),
  };
  const returnsAtLast = options.once === true || only !== undefined;
  while (!stop.aborted) {
    const found = await takeUpOne(options, self).catch((error: unknown) => mend(options, error));
    if (found === 'none' && returnsAtLast) return;
    if (found !== 'conducted') await wait(LOOK_MS, stop).catch(() => undefined);
  }
}

/** What a fetcher knows while it goes from run to run. */
interface Self extends Pick<ClaimOptions, 'holder' | 'lastSeen'> {
  readonly troubles: TroubleTeller;
  readonly seen: SeenRuns;
}

/**
 * Whether a run was found and conducted. `idle`: there are runs, and others hold them, or it is not known
 * at the moment; `none`: no run is left for this pipeline file.
 */
type Found = 'conducted' | 'idle' | 'none';

/** Conducts the first run that can be taken up. */
async function takeUpOne(options: FetcherServiceOptions, self: Self): Promise<Found> {
  const open = await candidates(options, self.troubles);
  let found: Found = (await self.seen.look(open)) ? 'idle' : 'none';
  for (const request of open) {
    const unfitness = whyUnfit(request, options.pipeline);
    if (unfitness !== undefined) {
      if (options.only !== undefined) throw unfitness;
      self.troubles.tell(request.run, unfitness.message);
      continue;
    }
    const lease = await claim(options, request, self);
    if (lease !== undefined) {
      await conductOne(options, request, lease);
      return 'conducted';
    }
    found = 'idle';
  }
  return found;
}

/** @throws LeatError if looking again does not help */
async function mend({ connection, logger }: FetcherServiceOptions, error: unknown): Promise<Found> {
  // A fetcher of a newer version was quicker; the next look says more.
  if (error instanceof LeatError && !isNewerVersion(error)) throw error;
  if (connection.link.isClosed) {
    throw new LeatError('unreachable', 'The connection to NATS was closed.', { cause: error });
  }
  logger.warn({ err: error }, `runs not seen: ${messageOf(error)}`);
  await connection.repair().catch(() => undefined);
  return 'idle';
}

/** Takes a run's lease. */
async function claim(
  { connection, pipeline, logger, stop }: FetcherServiceOptions,
  request: RunRequest,
  { holder, lastSeen }: Self,
): Promise<Lease | undefined> {
  const { runs } = connection;
  const firstLedger: ClaimOptions['firstLedger'] = (sinks) =>
    // A sink may not answer.
    unlessAborted(ledgerFromSinks(request, pipeline, sinks, logger), stop);
  try {
    return await Lease.claim({ holder, lastSeen, request, runs, firstLedger, logger });
  } catch (error) {
    if (stop.aborted && !(error instanceof LeatError)) return undefined;
    throw error;
  }
}

/** The runs that may be taken up, oldest first; those that are paused come last, and keep no other waiting. */
async function candidates(
  { connection: { runs }, only }: FetcherServiceOptions,
  troubles?: TroubleTeller,
): Promise<RunRequest[]> {
  const open = await runs.listOpen((run, { message }) => troubles?.tell(run, message));
  if (only !== undefined) return open.filter(({ run }) => run === only);
  const awake: RunRequest[] = [];
  const paused: RunRequest[] = [];
  for (const request of open) {
    const isPaused = (await runs.progress(request.run))?.progress.state === 'paused';
    (isPaused ? paused : awake).push(request);
  }
  return [...awake, ...paused];
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
  const { connection, pipeline, logger, telemetry, codeVersion } = options;
  const { stop, onProgress, onWindow, windowRules, onLease, onEnded } = options;
  const { run } = request;
  const leave = new AbortController();
  const isResumed = lease.progress.ledger.next > 0;
  logger.info({ run, fence: lease.fence }, isResumed ? 'run resumed' : 'run started');
  tellLimits(request, pipeline, logger);
  onLease?.(lease.fence);
  try {
    const conducted = await conduct({
      connection,
      pipeline,
      request,
      lease,
      codeVersion,
      logger,
      telemetry,
      stop: AbortSignal.any([stop, leave.signal]),
      onPaused: async () => {
        if (await anotherWaits(options, run)) leave.abort();
      },
      ...(onProgress && { onProgress }),
      ...(onWindow && { onWindow }),
      ...(windowRules && { windowRules }),
    });
    const { state } = conducted.report;
    if (isEnded(state)) {
      logger.info({ run, state }, 'run ended');
      onEnded?.(conducted);
    } else if (leave.signal.aborted) {
      logger.info({ run }, 'run is paused, another one is taken up');
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

/** Says that a run is cut by the limits that it began with, if the pipeline file has others by now. */
function tellLimits(
  { run, limits }: RunRequest,
  { fetcher: { chunkSize, maxBytes } }: Pipeline,
  logger: Logger,
): void {
  if (limits === undefined) return;
  if (limits.chunkSize === chunkSize && limits.maxBytes === maxBytes) return;
  logger.warn(
    { run, chunkSize: limits.chunkSize, maxBytes: limits.maxBytes },
    `the run keeps the chunkSize and maxBytes that it began with; those of the pipeline file, ${chunkSize} and ${maxBytes}, are for new runs`,
  );
}
