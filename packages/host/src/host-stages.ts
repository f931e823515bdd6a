import { type FetcherServiceOptions, runFetcher } from '@leat/fetcher';
import {
  type Logger,
  type PipelineConnection,
  type Runs,
  wait,
  watchTopology,
} from '@leat/runtime';
import type { Stage } from '@leat/sdk';
import { runStage } from './run-stage.ts';
import type { ServiceHost } from './service-host.ts';

/** How long a stop waits for a server that is away: by then, what is in hand here is given to others. */
const AWAY_MS = 10_000;
/** After so long without one message stored, a server that is connected is as good as away. */
const STALLED_MS = 5_000;
/** How often it is looked whether it is. */
const AWAY_LOOK_MS = 500;

/** How often `once` looks whether anything is left to do. */
const LOOK_MS = 1_000;

/** What is hosted, and for how long. */
export interface Hosting {
  /** Those with queues, and the fetcher. A stage that is named twice has two replicas. */
  readonly stages: readonly Stage[];
  /**
   * End when no run is pending or running, rather than wait for the next.
   * @defaultValue `false`
   */
  readonly once?: boolean;
  /** What the fetcher is to do besides, if it is among the stages. */
  readonly fetching?: Pick<
    FetcherServiceOptions,
    'only' | 'onProgress' | 'onWindow' | 'onLease' | 'onEnded'
  >;
}

/**
 * Hosts stages until they are told to stop. When one of them ends by itself, well or badly, the others finish
 * what they have in hand, and end too.
 *
 * @throws what the first of them threw
 */
export async function hostStages(host: ServiceHost, hosting: Hosting): Promise<void> {
  const { stages, once = false, fetching } = hosting;
  const over = new AbortController();
  const stop = AbortSignal.any([host.stop, over.signal]);
  const serverLost = new AbortController();
  const abort = AbortSignal.any([host.abort, serverLost.signal]);
  const { connection, pipeline, codeVersion, logger, telemetry } = host;
  const services = [...new Set(stages)].flatMap((stage) =>
    stage.kind === 'fetcher'
      ? runFetcher({
          connection,
          pipeline,
          logger: logger.child({ pipeline: pipeline.name }),
          telemetry,
          once,
          codeVersion,
          stop,
          ...fetching,
        })
      : runStage({ ...host, stop, abort }, stage, stages.filter((each) => each === stage).length),
  );
  const hasFetcher = stages.some(({ kind }) => kind === 'fetcher');
  if (once && !hasFetcher) services.push(untilNothingIsLeft(connection, logger, stop));
  void watchTopology(connection, logger.child({ pipeline: pipeline.name }), stop);
  const hosted = new AbortController();
  void leaveWithoutServer(connection, stop, serverLost, hosted.signal);
  const results = await Promise.allSettled(
    services.map((service) => service.finally(() => over.abort())),
  );
  hosted.abort();
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** After a stop, leaves what is in hand if the server is away, or stores nothing that it is sent. */
async function leaveWithoutServer(
  { link, publisher }: PipelineConnection,
  stop: AbortSignal,
  serverLost: AbortController,
  over: AbortSignal,
): Promise<void> {
  let awaySince: number | undefined;
  while (!over.aborted) {
    const isAway = stop.aborted && (!link.isUp || publisher.stalledMs >= STALLED_MS);
    awaySince = isAway ? (awaySince ?? performance.now()) : undefined;
    if (awaySince !== undefined && performance.now() - awaySince >= AWAY_MS) {
      serverLost.abort(new Error('the server stores nothing, and this service has to stop'));
      return;
    }
    await wait(AWAY_LOOK_MS, over).catch(() => undefined);
  }
}

/** Goes on looking while the server is away, or has forgotten runs: their fetcher tells it of them again. */
async function untilNothingIsLeft(
  { runs }: PipelineConnection,
  logger: Logger,
  stop: AbortSignal,
): Promise<void> {
  let open: readonly string[] = [];
  while (!stop.aborted) {
    try {
      const now = (await runs.listOpen()).map(({ run }) => run);
      const isForgotten = await someAreForgotten(
        runs,
        open.filter((run) => !now.includes(run)),
      );
      if (now.length === 0 && !isForgotten) return;
      if (!isForgotten) open = now;
    } catch (error) {
      logger.debug({ err: error }, 'runs not seen');
    }
    await wait(LOOK_MS, stop).catch(() => undefined);
  }
}

/** Whether any of the runs is neither open nor ended: its entries are gone, and may come back. */
async function someAreForgotten(runs: Runs, vanished: readonly string[]): Promise<boolean> {
  for (const run of vanished) if ((await runs.get(run)) === undefined) return true;
  return false;
}
