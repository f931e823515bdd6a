import { checkName, LeatError, type RunRequest } from '@leat/core';
import { deadLetterPipelines, DeadLetterStore, permissionRefusal, Runs } from '@leat/runtime';
import type { Site } from '../site.ts';

/** Which run is meant. */
export interface RunName {
  readonly run: string;
  /** Needed if several pipelines have a run of that id. */
  readonly pipeline?: string | undefined;
}

/** A run, and the bucket that it was found in. */
export interface FoundRun {
  readonly request: RunRequest;
  readonly runs: Runs;
}

/**
 * Finds one run: a read for each pipeline on the server, or one if the pipeline is named.
 *
 * @throws LeatError `run-unknown`, `invalid-name`, or `invalid-configuration` if several pipelines have a run of that id
 */
export async function findRun(site: Site, name: RunName): Promise<FoundRun> {
  return theOne(site, name, await runsOfId(site, name));
}

/**
 * Finds the pipeline whose dead letters of a run are meant, and the run, unless it is forgotten: letters
 * outlive the bucket that knows the runs.
 *
 * @throws LeatError as {@link findRun}
 */
export async function findLetters(
  site: Site,
  name: RunName,
): Promise<{ readonly pipeline: string; readonly found: FoundRun | undefined }> {
  const known = await runsOfId(site, name);
  const pipelines = new Map([...known.keys()].map((each) => [each, each]));
  for (const each of await deadLetterPipelines(site.nats)) {
    if (pipelines.has(each) || each !== (name.pipeline ?? each)) continue;
    const store = await DeadLetterStore.open(site.nats, each, site.signing);
    const { done } = await store.letters(name.run).next();
    if (done !== true) pipelines.set(each, each);
  }
  const pipeline = theOne(site, name, pipelines);
  return { pipeline, found: known.get(pipeline) };
}

/** What can be read of a pipeline's runs; nothing, and a line in the log, if this user may not read them. */
async function unlessForbidden<T>(
  { address, logger }: Site,
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

/** The runs of an id, by their pipelines. */
async function runsOfId(site: Site, { run, pipeline }: RunName): Promise<Map<string, FoundRun>> {
  checkName('run', run);
  if (pipeline !== undefined) checkName('pipeline', pipeline);
  const found = new Map<string, FoundRun>();
  for (const runs of await Runs.openAll(site.nats, { pipeline, signing: site.signing })) {
    const request = await unlessForbidden(site, runs.get(run));
    if (request !== undefined) found.set(request.pipeline, { request, runs });
  }
  return found;
}

/** What is meant by an id: there must be one, of the pipeline that is named, or of any. */
function theOne<T>(
  { address }: Site,
  { run, pipeline }: RunName,
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
