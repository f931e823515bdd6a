import { isDeepStrictEqual } from 'node:util';
import {
  DEFAULT_TOPOLOGY_SETTINGS,
  type GivenParams,
  isEnded,
  LeatError,
  reportOf,
  type RunRequest,
  specDifference,
} from '@leat/core';
import type { Conducted } from '@leat/fetcher';
import {
  connectionName,
  givenParams,
  misfitOf,
  type NatsSettings,
  natsSettingsOf,
  openPipelineConnection,
  type PipelineConnection,
  readParams,
  type Runs,
  secretsFrom,
  type StartedRun,
  startRun,
  type Telemetry,
  unlessAborted,
} from '@leat/runtime';
import { fromStart, type Pipeline } from '@leat/sdk';
import { checkLocalRunOptions } from './check-options.ts';
import { codeVersionOf } from './code-version.ts';
import { EmbeddedNats } from './embedded-nats.ts';
import { hostStages } from './host-stages.ts';
import { queuedOf } from './hosted-stages.ts';
import {
  demandFile,
  pipelineFrom,
  type PipelineOrFile,
  type PipelineSource,
} from './pipeline-source.ts';
import { withLinksOfRun, withoutNeedlessQueues } from './local-links.ts';
import { loggersOf } from './loggers.ts';
import type { LocalEnd, LocalRun, LocalRunOptions } from './local-run.ts';
import { told } from './told.ts';
import { openTracing } from './tracing/tracing.ts';

/** See `startLocalRun`. */
export async function openLocalRun(
  given: PipelineOrFile,
  options: LocalRunOptions,
): Promise<LocalRun> {
  checkLocalRunOptions(options);
  const source = await pipelineFrom(given, options.signal);
  demandFile(source, source.pipeline.stages);
  const { run, secrets = {} } = options;
  // Before there is a server, or a run that cannot go on.
  const values = secretsFrom(process.env, secrets, 'The run');
  // One that is named may be there, with parameters of its own.
  if (run === undefined) readParams(source.pipeline.params, { ...paramsOf(options), ...values });
  const cleanups: (() => Promise<void>)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const each of cleanups.splice(0).toReversed()) await each();
  };
  try {
    const opened = await openSite(source, options, cleanups);
    const started = await startAsked(opened);
    const site = await siteFor(opened, started, cleanups);
    const over = new AbortController();
    const ended = conductHere(site, started, over);
    const settled = ended.then(
      () => undefined,
      () => undefined,
    );
    cleanups.push(() => {
      over.abort();
      return settled;
    });
    return {
      run: started.request.run,
      pipeline: site.source.pipeline,
      url: site.url,
      ended,
      [Symbol.asyncDispose]: cleanUp,
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** A connection to a server, and everything that a run needs beside it. */
interface Site {
  readonly source: PipelineSource;
  readonly options: LocalRunOptions;
  readonly url: string;
  readonly nats: NatsSettings;
  readonly connection: PipelineConnection;
  readonly telemetry: Telemetry;
  readonly embedded: EmbeddedNats | undefined;
}

async function openSite(
  given: PipelineSource,
  options: LocalRunOptions,
  cleanups: (() => Promise<void>)[],
): Promise<Site> {
  const { logger } = loggersOf(options);
  const { signal, stateDir = '.leat' } = options;
  const embedded =
    options.connection === undefined
      ? await EmbeddedNats.start(fromStart(stateDir), logger, signal)
      : undefined;
  if (embedded !== undefined) cleanups.push(() => embedded.stop());
  // On a server of others, their services must find the queues that the file says.
  const pipeline = embedded ? withoutNeedlessQueues(given.pipeline) : given.pipeline;
  const source = { ...given, pipeline };
  const nats = embedded ? { url: embedded.url } : natsSettingsOf(options.connection ?? {});
  const tracing = await openTracing(options.otlpEndpoint, logger, pipeline, 'dev');
  if (tracing !== undefined) cleanups.push(async () => tracing[Symbol.asyncDispose]());
  const connection = await connectFor(pipeline, nats, options, cleanups);
  const telemetry = { tracer: tracing?.tracer };
  return { source, options, url: nats.url, nats, connection, telemetry, embedded };
}

async function connectFor(
  pipeline: Pipeline,
  nats: NatsSettings,
  options: LocalRunOptions,
  cleanups: (() => Promise<void>)[],
): Promise<PipelineConnection> {
  const { signal, topology, signingKeys } = options;
  const { logger } = loggersOf(options);
  const connection = await openPipelineConnection(
    pipeline.spec,
    { nats, topology: { ...DEFAULT_TOPOLOGY_SETTINGS, ...topology }, signingKeys },
    { name: connectionName('dev'), logger, ...(signal && { signal }) },
  );
  cleanups.push(() => connection.close());
  return connection;
}

/** The site with the queues of a run: one that was begun before keeps those that it was begun with. */
async function siteFor(
  site: Site,
  { request }: StartedRun,
  cleanups: (() => Promise<void>)[],
): Promise<Site> {
  const { source, options, nats } = site;
  const pipeline = withLinksOfRun(source.pipeline, request);
  if (specDifference(source.pipeline.spec, pipeline.spec) === undefined) return site;
  const connection = await connectFor(pipeline, nats, options, cleanups);
  return { ...site, source: { ...source, pipeline }, connection };
}

/** The run that was asked for, one that was interrupted with the same parameters, or a new one. */
async function startAsked({ source, options, connection, embedded }: Site): Promise<StartedRun> {
  const { runs } = connection;
  const { secrets = {}, recover = false, new: isNew = false } = options;
  if (isNew && options.run !== undefined) {
    throw new LeatError(
      'invalid-configuration',
      `The run ${options.run} is named, and a new one is wanted: give one of --run and --new.`,
    );
  }
  const { logger } = loggersOf(options);
  const wanted = { params: paramsOf(options), secrets };
  // On a server that others use, an open run may be in their hands.
  const mayGoOn = embedded !== undefined && !isNew;
  const run =
    options.run ?? (mayGoOn ? await toGoOnWith(runs, source, wanted, options) : undefined);
  const known = run === undefined || embedded === undefined ? undefined : await runs.get(run);
  const started = await startRun(runs, {
    pipeline: known === undefined ? source.pipeline : withLinksOfRun(source.pipeline, known),
    ...wanted,
    isRecovered: recover,
    ...(source.file !== undefined && { file: source.file }),
    ...(run !== undefined && { run }),
  });
  if (started.isResumed) logger.info({ run }, 'going on with the run that was interrupted');
  return started;
}

/** As the schema's type says, or untyped; a run that cannot have them is refused when it is started. */
function paramsOf({ params = {} }: LocalRunOptions): GivenParams {
  return givenParams(params);
}

async function toGoOnWith(
  runs: Runs,
  { pipeline }: PipelineSource,
  wanted: Required<Pick<RunRequest, 'params' | 'secrets'>>,
  options: LocalRunOptions,
): Promise<string | undefined> {
  const interrupted = await runs.listOpen();
  const isWanted = ({ params, secrets = {} }: RunRequest): boolean =>
    isDeepStrictEqual({ params, secrets }, wanted);
  const same = interrupted.filter(isWanted);
  const misfitTo = (request: RunRequest): LeatError | undefined =>
    misfitOf(request, withLinksOfRun(pipeline, request).spec);
  const fit = same.find((request) => misfitTo(request) === undefined);
  if (fit !== undefined) return fit.run;
  const { logger } = loggersOf(options);
  // The file was edited since. One that a new run was begun beside is not asked about again.
  const last = same.at(-1);
  const misfit = last && misfitTo(last);
  if (last !== undefined && misfit !== undefined) {
    const isLeft = (await runs.list()).some(
      (other) => isWanted(other) && other.createdAt > last.createdAt,
    );
    const sentence = `${misfit.message} "leat dev --new" begins one.`;
    if (!isLeft) throw new LeatError(misfit.code, sentence, { cause: misfit });
  }
  for (const { run } of interrupted.filter((request) => !same.includes(request))) {
    logger.warn({ run }, 'a run with other parameters was interrupted: --run goes on with it');
  }
  return undefined;
}

/** Hosts every stage until the run has ended, or something tells them to stop. */
async function conductHere(
  site: Site,
  { request }: StartedRun,
  over: AbortController,
): Promise<LocalEnd> {
  const { source, options, connection, telemetry, embedded } = site;
  const { pipeline, file } = source;
  const { mappers = 1, onProgress, signal, abort } = options;
  const { logger, log } = loggersOf(options);
  const tell = told('onProgress', onProgress, logger);
  const lost = embedded?.lost;
  let conducted: Conducted | undefined;
  const codeVersion = options.codeVersion ?? (file && (await codeVersionOf(file)));
  const hosting = hostStages(
    {
      connection,
      pipeline,
      pipelineFile: file,
      codeVersion,
      // Nobody else works on the others, and nobody would take their receipts.
      only: embedded && request.run,
      logger,
      telemetry,
      log,
      stop: anyOf(signal, abort, over.signal, lost),
      abort: anyOf(abort, lost),
    },
    {
      stages: queuedOf(pipeline, pipeline.stages).flatMap((stage) =>
        Array.from({ length: stage.kind === 'mapper' ? mappers : 1 }, () => stage),
      ),
      fetching: {
        only: request.run,
        onProgress: (report) => {
          tell(report);
          // It has paused by itself, and there is nobody to wait for.
          if (report.state === 'paused' && report.reason !== undefined) over.abort();
        },
        onEnded: (each) => {
          conducted = each;
        },
      },
    },
  );
  await unlessAborted(hosting, lost);
  if (conducted !== undefined) return conducted;
  try {
    return await endOf(connection.runs, request);
  } catch (error) {
    // It was to stop, and nobody answers.
    if (signal?.aborted === true) return {};
    throw error;
  }
}

/** How a run was left that another fetcher conducted, or that is paused; nothing if it was interrupted. */
async function endOf(runs: Runs, request: RunRequest): Promise<LocalEnd> {
  const report = reportOf(request, (await runs.progress(request.run))?.progress);
  const { state, reason } = report;
  if (state === 'failed') {
    return {
      report,
      error: new LeatError('run-failed', reason ?? `The run ${request.run} failed.`),
    };
  }
  return isEnded(state) || (state === 'paused' && reason !== undefined) ? { report } : {};
}

function anyOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((each) => each !== undefined));
}
