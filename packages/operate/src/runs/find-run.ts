import { checkRunId, LeatError, type RunRequest } from '@leat/core';
import {
  addressOf,
  deadLetterPipelines,
  DeadLetterStore,
  type Logger,
  permissionRefusal,
  Runs,
} from '@leat/runtime';
import { type Call, type CommandOption, pipelineFlag } from './command.ts';
import { type NatsConnection, withConnection, withNats } from './nats-access.ts';

/** The option of every command that takes a run's id, which several pipelines may have. */
export const PIPELINE_OPTION: CommandOption = {
  type: 'string',
  value: 'NAME',
  meaning: 'Of which pipeline; needed if several have a run of that id.',
};

/** Where runs are looked for. */
export interface RunPlace {
  readonly connection: NatsConnection;
  /** The server's address, as it may be shown. */
  readonly address: string;
  /** Whether it is the server of a `leat dev`, over the state directory of this command. */
  readonly isOfDev: boolean;
  /** The pipeline that the command names, if it does. */
  readonly pipeline: string | undefined;
  readonly logger: Logger;
}

/** A run, and the bucket that it was found in. */
export interface FoundRun {
  readonly request: RunRequest;
  readonly runs: Runs;
}

/** Connects to the server that a command means, to look for runs there. */
export function withRuns<T>(call: Call, use: (place: RunPlace) => Promise<T>): Promise<T> {
  const pipeline = pipelineFlag(call);
  const { logger } = call;
  return withNats(call, (nats, isOfDev) =>
    withConnection(call, nats, (connection) =>
      use({ connection, address: addressOf(nats), isOfDev, pipeline, logger }),
    ),
  );
}

/** Every run, or every one of the pipeline that is named, oldest first. */
export async function listRuns(place: RunPlace): Promise<FoundRun[]> {
  const { connection, pipeline } = place;
  const all: FoundRun[] = [];
  for (const runs of await Runs.openAll(connection)) {
    for (const request of (await unlessForbidden(place, runs.list())) ?? []) {
      if (request.pipeline === (pipeline ?? request.pipeline)) all.push({ request, runs });
    }
  }
  return all.toSorted((a, b) => a.request.createdAt.localeCompare(b.request.createdAt));
}

/** @throws LeatError `run-unknown`, or `invalid-configuration` if several pipelines have a run of that id */
export async function findRun(place: RunPlace, run: string): Promise<FoundRun> {
  return theOne(place, run, await runsOfId(place, run));
}

/** What can be read of a pipeline's runs; nothing, and a line in the log, if this user may not read them. */
async function unlessForbidden<T>(
  { address, logger }: RunPlace,
  reading: Promise<T>,
): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const refusal = permissionRefusal(error, address);
    if (refusal === undefined) throw error;
    logger.warn(`runs are left out: ${refusal.message}`);
    return undefined;
  }
}

/**
 * Finds the pipeline whose dead letters of a run are meant, and the run, unless it is forgotten: letters
 * outlive the bucket that knows the runs.
 *
 * @throws LeatError `run-unknown`, or `invalid-configuration` if several pipelines have letters or a run of that id
 */
export async function findLetters(
  place: RunPlace,
  run: string,
): Promise<{ readonly pipeline: string; readonly found: FoundRun | undefined }> {
  const known = await runsOfId(place, run);
  const pipelines = new Map([...known.keys()].map((each) => [each, each]));
  for (const each of await deadLetterPipelines(place.connection)) {
    const store = await DeadLetterStore.open(place.connection, each);
    const { done } = await store.letters(run).next();
    if (done !== true) pipelines.set(each, each);
  }
  const pipeline = theOne(place, run, pipelines);
  return { pipeline, found: known.get(pipeline) };
}

/** The runs of an id, by their pipelines. */
async function runsOfId(place: RunPlace, run: string): Promise<Map<string, FoundRun>> {
  checkRunId(run);
  const found = new Map<string, FoundRun>();
  for (const runs of await Runs.openAll(place.connection)) {
    const request = await unlessForbidden(place, runs.get(run));
    if (request !== undefined) found.set(request.pipeline, { request, runs });
  }
  return found;
}

/** What is meant by an id: there must be one, of the pipeline that is named, or of any. */
function theOne<T>(
  { address, pipeline }: RunPlace,
  run: string,
  byPipeline: ReadonlyMap<string, T>,
): T {
  const name = JSON.stringify(run);
  const where = `on the NATS server at ${address}`;
  const meant = [...byPipeline].filter(([each]) => each === (pipeline ?? each));
  const [first, second] = meant;
  if (first === undefined) {
    const ofWhich = pipeline === undefined ? '' : ` of the pipeline ${pipeline}`;
    throw new LeatError(
      'run-unknown',
      `There is no run ${name}${ofWhich} ${where}: "leat status" lists them.`,
    );
  }
  if (second === undefined) return first[1];
  const names = meant.map(([each]) => each).toSorted();
  throw new LeatError(
    'invalid-configuration',
    `The run ${name} is in several pipelines ${where} (${names.join(', ')}): name the one that you mean with --pipeline NAME.`,
  );
}
