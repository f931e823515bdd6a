import { resolve } from 'node:path';
import { LeatError, type RunState } from '@leat/core';
import { runFetcher } from '@leat/fetcher';
import type { Mapper, Pipeline, Saver } from '@leat/sdk';
import {
  connectionName,
  loadPipeline,
  openPipelineConnection,
  type PipelineConnection,
  type Runs,
  wait,
} from '@leat/runtime';
import type { Call, Command, CommandOption } from '../command.ts';
import { EXIT, exitCodeOfState } from '../exit-code.ts';
import {
  codeVersionOf,
  healthRoutes,
  measure,
  type Measurement,
  openHttpEndpoint,
  openTracing,
  type Role,
  runStage,
  type ServiceHost,
} from '@leat/host';
import { SETTINGS } from '../settings.ts';
import { listenForShutdown, type Shutdown } from '../shutdown.ts';

const once: CommandOption = {
  type: 'boolean',
  meaning: 'End when no run is pending or running, rather than wait for the next.',
};

export const fetcherCommand: Command = {
  name: 'fetcher',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the fetcher; further ones share the runs and stand by for each other.',
  options: { once },
  run: (call) => serve(call, 'fetcher'),
};

export const mapperCommand: Command = {
  name: 'mapper',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the mappers; start as many as you want.',
  options: {
    stage: { type: 'string', value: 'NAME', meaning: 'Only this mapper (default: all of them).' },
    once,
  },
  run: (call) => serve(call, 'mapper'),
};

export const saverCommand: Command = {
  name: 'saver',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the savers; start as many as the sink can bear.',
  options: {
    stage: { type: 'string', value: 'NAME', meaning: 'Only this saver (default: all of them).' },
    once,
  },
  run: (call) => serve(call, 'saver'),
};

const REMEDY = `choose another port by --${SETTINGS.httpPort.flag} (${SETTINGS.httpPort.variable}), or another address by --${SETTINGS.httpHost.flag} (${SETTINGS.httpHost.variable})`;

/** How often `--once` looks whether anything is left to do. */
const LOOK_MS = 1_000;

async function serve(call: Call, role: Role): Promise<number> {
  const [file = ''] = call.operands;
  const pipeline = await loadPipeline(file);
  const stages = stagesOf(pipeline, role, call.flags['stage'] as string | undefined);
  const { httpPort, httpHost: host, otlpEndpoint, stopGraceMs } = call.settings;
  const shutdown = listenForShutdown((line) => call.logger.warn(line), stopGraceMs);
  const names = stages.map(({ name }) => name);
  const measurement = httpPort === undefined ? undefined : measure(pipeline, role, names);
  let connection: PipelineConnection | undefined;
  const health = healthRoutes(() => ({
    connection,
    stages: names,
    isStopping: shutdown.stop.aborted,
  }));
  // Open before there is a connection, and until all is done: who asks is told what is waited for.
  await using endpoint =
    measurement &&
    (await openHttpEndpoint(
      { host, port: httpPort ?? 0, remedy: REMEDY },
      { ...health, '/metrics': measurement.answer },
    ));
  if (endpoint !== undefined) call.logger.info({ host, port: endpoint.port }, 'answering probes');
  await using tracing = await openTracing(otlpEndpoint, call.logger, pipeline, role);
  connection = await openPipelineConnection(pipeline.spec, call.settings, {
    name: connectionName(role),
    logger: call.logger,
    meter: measurement?.meter,
    tracer: tracing?.tracer,
    isPatient: true,
    signal: shutdown.stop,
  }).catch((error: unknown) => {
    if (shutdown.stop.aborted) return undefined;
    throw error;
  });
  if (connection === undefined) return EXIT.ok;
  measurement?.watch(connection);
  try {
    const codeVersion = call.settings.codeVersion ?? (await codeVersionOf(file));
    const fields = { pipeline: pipeline.name, role, stages: names, codeVersion };
    call.logger.info(fields, 'service ready');
    return role === 'fetcher'
      ? await hostFetcher(call, connection, pipeline, codeVersion, shutdown, measurement)
      : await hostStages(
          call,
          {
            connection,
            pipeline,
            codeVersion,
            pipelineFile: resolve(file),
            logger: call.logger,
            log: call.settings.log,
          },
          stages,
          shutdown,
        );
  } finally {
    await connection.close();
  }
}

async function hostFetcher(
  call: Call,
  connection: PipelineConnection,
  pipeline: Pipeline,
  codeVersion: string,
  shutdown: Shutdown,
  measurement: Measurement | undefined,
): Promise<number> {
  let last: RunState | undefined;
  const isOnce = call.flags['once'] === true;
  await runFetcher({
    connection,
    pipeline,
    logger: call.logger.child({ pipeline: pipeline.name }),
    once: isOnce,
    codeVersion,
    stop: shutdown.stop,
    ...(measurement && { onLease: measurement.onLease, onProgress: measurement.onProgress }),
    onEnded: ({ report }) => {
      last = report.state;
    },
  });
  return isOnce && last !== undefined ? exitCodeOfState(last) : EXIT.ok;
}

async function hostStages(
  call: Call,
  common: Omit<ServiceHost, 'stop' | 'abort'>,
  stages: readonly (Mapper | Saver)[],
  shutdown: Shutdown,
): Promise<number> {
  const { connection } = common;
  const over = new AbortController();
  const stop = AbortSignal.any([shutdown.stop, over.signal]);
  const host = { ...common, stop, abort: shutdown.abort };
  const services = stages.map((stage) => runStage(host, stage).finally(() => over.abort()));
  if (call.flags['once'] === true) services.push(untilNothingIsLeft(call, connection, stop, over));
  const results = await Promise.allSettled(services);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return EXIT.ok;
}

/** Goes on looking while the server is away, or has forgotten runs: their fetcher tells it of them again. */
async function untilNothingIsLeft(
  { logger }: Call,
  { runs }: PipelineConnection,
  stop: AbortSignal,
  over: AbortController,
): Promise<void> {
  let open: readonly string[] = [];
  while (!stop.aborted) {
    try {
      const now = (await runs.listOpen()).map(({ run }) => run);
      const isForgotten = await someAreForgotten(
        runs,
        open.filter((run) => !now.includes(run)),
      );
      if (now.length === 0 && !isForgotten) over.abort();
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

function stagesOf(pipeline: Pipeline, role: Role, wanted: string | undefined): (Mapper | Saver)[] {
  const ofRole = pipeline.stages.filter((stage): stage is Mapper | Saver => stage.kind === role);
  if (wanted === undefined) {
    if (role !== 'fetcher' && ofRole.length === 0) {
      throw new LeatError('invalid-configuration', `The pipeline ${pipeline.name} has no ${role}.`);
    }
    return ofRole;
  }
  const stage = ofRole.find(({ name }) => name === wanted);
  if (stage !== undefined) return [stage];
  const names = ofRole.map(({ name }) => name).join(', ') || 'none';
  throw new LeatError(
    'invalid-configuration',
    `The pipeline ${pipeline.name} has no ${role} named ${JSON.stringify(wanted)}; it has ${names}.`,
  );
}
