import { open, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  errorText,
  LeatError,
  messageOf,
  reportOf,
  type RunReport,
  type RunRequest,
} from '@leat/core';
import { runFetcher } from '@leat/fetcher';
import type { Mapper, Pipeline, Saver } from '@leat/sdk';
import {
  connectionName,
  loadPipeline,
  openPipelineConnection,
  type PipelineConnection,
  type Runs,
  readParams,
  secretsFrom,
  type StartedRun,
  startRun,
} from '@leat/runtime';
import {
  type Call,
  type Command,
  countFlag,
  PARAM_OPTIONS,
  paramsOf,
  RECOVER,
  runFlag,
  secretsOf,
} from '../command.ts';
import { EXIT, exitCodeOfError, exitCodeOfState } from '../exit-code.ts';
import { noteFile } from '../noted-file.ts';
import { print } from '../output.ts';
import { clearProgress, ProgressDisplay } from '../progress-display.ts';
import { reportText } from '../report-text.ts';
import { codeVersionOf, EmbeddedNats, openTracing, runStage } from '@leat/host';
import { listenForShutdown, type Shutdown } from '../shutdown.ts';

export const devCommand: Command = {
  name: 'dev',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Runs a pipeline in one process over a NATS server of its own.',
  options: {
    mappers: { type: 'string', value: 'N', meaning: 'Replicas of each mapper (default 1).' },
    run: {
      type: 'string',
      value: 'ID',
      meaning: 'The run’s id; one that failed or rests goes on.',
    },
    recover: RECOVER,
    ...PARAM_OPTIONS,
    report: { type: 'string', value: 'FILE', meaning: 'Where to write the report, as JSON.' },
    keep: { type: 'boolean', meaning: 'Keep the NATS server up after the run, until Ctrl-C.' },
  },
  run: dev,
};

async function dev(call: Call): Promise<number> {
  const [file = ''] = call.operands;
  const mappers = countFlag(call, 'mappers', 1);
  const params = paramsOf(call);
  const secrets = secretsOf(call);
  // Before there is a run that cannot go on.
  const values = secretsFrom(process.env, secrets, 'The run');
  const run = runFlag(call);
  await demandWritable(call);
  const pipeline = await loadPipeline(file);
  // One that is named may be there, with parameters of its own.
  if (run === undefined) readParams(pipeline.params, { ...params, ...values });
  const shutdown = listenForShutdown((line) => call.logger.warn(line));
  const nats = await EmbeddedNats.start(call.settings.stateDir, call.logger, shutdown.stop).catch(
    (error: unknown) => {
      if (shutdown.stop.aborted) return undefined;
      throw error;
    },
  );
  if (nats === undefined) return EXIT.interrupted;
  try {
    await noteFile(call, pipeline.name, file);
    await using tracing = await openTracing(
      call.settings.otlpEndpoint,
      call.logger,
      pipeline,
      'dev',
    );
    const connection = await openPipelineConnection(
      pipeline.spec,
      { nats: { url: nats.url }, topology: call.settings.topology },
      { name: connectionName('dev'), logger: call.logger, tracer: tracing?.tracer },
    );
    try {
      const opened = await openAsked(call, connection, pipeline, { file, params, secrets, run });
      const ended = await runAll({ call, connection, pipeline, file, mappers, shutdown, opened });
      return await conclude(call, nats, shutdown, opened, ended);
    } finally {
      await connection.close();
    }
  } finally {
    await nats.stop();
  }
}

/** The run that was asked for, one that was interrupted with the same parameters, or a new one. */
async function openAsked(
  call: Call,
  { runs }: PipelineConnection,
  pipeline: Pipeline,
  asked: {
    readonly file: string;
    readonly params: Readonly<Record<string, string>>;
    readonly secrets: Readonly<Record<string, string>>;
    readonly run: string | undefined;
  },
): Promise<StartedRun> {
  const { file, params, secrets } = asked;
  const run = asked.run ?? (await toGoOnWith(call, runs, { params, secrets }));
  const wish = {
    pipeline,
    file: resolve(file),
    params,
    isRecovered: call.flags['recover'] === true,
    secrets,
    ...(run !== undefined && { run }),
  };
  const opened = await startRun(runs, wish);
  if (opened.isResumed) call.logger.info({ run }, 'going on with the run that was interrupted');
  return opened;
}

async function toGoOnWith(
  call: Call,
  runs: Runs,
  wanted: Required<Pick<RunRequest, 'params' | 'secrets'>>,
): Promise<string | undefined> {
  const interrupted = await runs.listOpen();
  const same = interrupted.find(({ params, secrets = {} }) =>
    isDeepStrictEqual({ params, secrets }, wanted),
  );
  if (same === undefined) {
    for (const { run } of interrupted) {
      call.logger.warn(
        { run },
        'a run with other parameters was interrupted: --run goes on with it',
      );
    }
  }
  return same?.run;
}

interface DevRun {
  readonly call: Call;
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly file: string;
  readonly mappers: number;
  readonly shutdown: Shutdown;
  readonly opened: StartedRun;
}

/** How the run was left, ended or resting: its report, or nothing if it was interrupted. */
interface Ended {
  readonly report?: RunReport;
  readonly error?: LeatError;
}

/** Hosts every stage until the run has ended, or something tells them to stop. */
async function runAll(run: DevRun): Promise<Ended> {
  const { call, connection, pipeline, file, mappers, shutdown, opened } = run;
  const display = new ProgressDisplay(call.logger);
  const over = new AbortController();
  const stop = AbortSignal.any([shutdown.stop, over.signal]);
  const codeVersion = call.settings.codeVersion ?? (await codeVersionOf(file));
  const host = {
    logger: call.logger,
    log: call.settings.log,
    connection,
    pipeline,
    codeVersion,
    pipelineFile: resolve(file),
    stop,
    abort: shutdown.abort,
  };
  let ended: Ended = {};
  let isResting = false;
  const fetching = runFetcher({
    connection,
    pipeline,
    logger: call.logger.child({ pipeline: pipeline.name }),
    only: opened.request.run,
    codeVersion,
    stop,
    onProgress: (report) => {
      display.show(report);
      // It has paused by itself, and there is nobody to wait for.
      if (report.state !== 'paused' || report.reason === undefined) return;
      isResting = true;
      over.abort();
    },
    onEnded: (conducted) => {
      ended = conducted;
    },
  });
  const services = pipeline.stages
    .filter((stage): stage is Mapper | Saver => stage.kind !== 'fetcher')
    .flatMap((stage) => Array.from({ length: stage.kind === 'mapper' ? mappers : 1 }, () => stage))
    .map((stage) => runStage(host, stage));
  // Whoever ends first, well or badly, ends the others.
  const all = [fetching, ...services].map((each) => each.finally(() => over.abort()));
  const results = await Promise.allSettled(all);
  clearProgress();
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  if (!isResting || ended.report !== undefined) return ended;
  const { request } = opened;
  return { report: reportOf(request, (await connection.runs.progress(request.run))?.progress) };
}

async function conclude(
  call: Call,
  nats: EmbeddedNats,
  shutdown: Shutdown,
  { request }: StartedRun,
  { report, error }: Ended,
): Promise<number> {
  const [file = ''] = call.operands;
  if (report === undefined) {
    process.stderr.write(`Interrupted. "leat dev ${file}" goes on with the run ${request.run}.\n`);
    return EXIT.interrupted;
  }
  const reportFile = call.flags['report'] as string | undefined;
  if (reportFile !== undefined) await writeReport(reportFile, report, call);
  await print(reportText(report));
  if (report.state === 'paused') {
    process.stderr.write(`Paused. "leat dev ${file}" goes on with the run ${request.run}.\n`);
  }
  if (error !== undefined) {
    const remedy = `Mend it, and "leat dev ${file} --run ${request.run}" goes on where it stopped.\n`;
    process.stderr.write(`leat: ${errorText(error)}\n${error.code === 'sink-taken' ? '' : remedy}`);
  }
  if (call.flags['keep'] === true && !shutdown.stop.aborted) {
    process.stderr.write(`NATS stays up at ${nats.url}, until Ctrl-C.\n`);
    await new Promise<void>((resolve_) => {
      shutdown.stop.addEventListener('abort', () => resolve_(), { once: true });
    });
  }
  return error === undefined ? exitCodeOfState(report.state) : exitCodeOfError(error);
}

/**
 * Whoever asks for a report wants to know before the run, and not after it, that there can be none.
 *
 * @throws LeatError `invalid-configuration`
 */
async function demandWritable(call: Call): Promise<void> {
  const file = call.flags['report'] as string | undefined;
  if (file === undefined) return;
  try {
    await (await open(file, 'a')).close();
  } catch (error) {
    throw new LeatError(
      'invalid-configuration',
      `--report: the report cannot be written to ${file} (${messageOf(error)}): name a file in a directory that you may write to.`,
      { cause: error },
    );
  }
}

async function writeReport(file: string, report: RunReport, call: Call): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
  } catch (error) {
    call.logger.error(`the report cannot be written to ${file}: ${messageOf(error)}`);
  }
}
