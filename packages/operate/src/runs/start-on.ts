import { topologyOf } from '@leat/core';
import {
  demandObject,
  demandPipeline,
  givenParams,
  jetStreamRefusal,
  provision,
  Runs,
  serverAnswers,
  startRun,
} from '@leat/runtime';
import type { GivenParamsOf, ParamsSchema, Pipeline } from '@leat/sdk';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { Site } from '../site.ts';
import type { FoundRun } from './find-run.ts';

/**
 * What a run is started with, beside its pipeline.
 *
 * @typeParam P the pipeline's schema of parameters; `undefined` where it has none
 */
export interface StartOptions<P extends ParamsSchema | undefined = ParamsSchema | undefined> {
  /**
   * What sources, stages and sinks read: as the pipeline's schema of parameters wants it; text where it has none.
   * What is missing may be in `secrets`, and is found when the run is started.
   * @defaultValue none
   */
  readonly params?: Partial<GivenParamsOf<P>>;
  /**
   * Further parameters that nobody shall read: for each, by its name, the environment variable that has its value
   * wherever a service needs it.
   * @defaultValue none
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /**
   * The run's id. A run of that id that failed, was interrupted or is paused goes on.
   * @defaultValue a new one
   */
  readonly run?: string;
  /** The pipeline's file, to be shown to people and never loaded. */
  readonly file?: string;
  /**
   * Whether to go on with what the sinks have of a run with this id that the server does not know any more.
   * @defaultValue `false`
   */
  readonly recover?: boolean;
}

/** Makes what a pipeline needs on the server, and starts a run. */
export async function startOn(
  { nats, address, signing, topology: settings, logger }: Site,
  pipeline: Pipeline,
  options: StartOptions,
): Promise<FoundRun> {
  demandPipeline(pipeline);
  demandObject('What start is given as options', options);
  const { params = {}, recover = false, ...rest } = options;
  const given = givenParams(params);
  const refused = async (error: unknown): Promise<never> => {
    throw jetStreamRefusal(error, address, await serverAnswers(nats));
  };
  const topology = topologyOf(pipeline.spec, settings);
  const manager = await jetstreamManager(nats, { timeout: 5_000, checkAPI: false });
  await manager.getAccountInfo().catch(refused);
  await provision(manager, topology).catch(refused);
  const client = jetstream(nats, { timeout: 5_000 });
  const opening = Runs.open(client, topology.bucket, settings.replicas, { signing, logger });
  const runs = await opening.catch(refused);
  const start = {
    pipeline,
    params: given,
    ...rest,
    ...(recover && { isRecovered: true }),
  };
  const { request } = await startRun(runs, start);
  return { request, runs };
}
