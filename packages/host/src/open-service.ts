import { DEFAULT_TOPOLOGY_SETTINGS } from '@leat/core';
import {
  connectionName,
  natsSettingsOf,
  openPipelineConnection,
  type PipelineConnection,
  type Telemetry,
} from '@leat/runtime';
import type { Stage } from '@leat/sdk';
import { checkServeOptions } from './check-options.ts';
import { codeVersionOf } from './code-version.ts';
import { type Health, healthOf, healthRoutes, type ServiceState } from './health.ts';
import { hostedStages, namesWithInline } from './hosted-stages.ts';
import { hostStages } from './host-stages.ts';
import { type HttpEndpoint, openHttpEndpoint } from './http-endpoint.ts';
import { type Measurement, measure } from './metrics/measure.ts';
import {
  demandFile,
  pipelineFrom,
  type PipelineOrFile,
  type PipelineSource,
} from './pipeline-source.ts';
import { type Role, roleName, ROLES } from './role.ts';
import { Service } from './service.ts';
import type { ServeOptions } from './service-options.ts';
import { loggersOf } from './loggers.ts';
import { told } from './told.ts';
import { openTracing } from './tracing/tracing.ts';

const REMEDY =
  'choose another port (--http-port, LEAT_HTTP_PORT), or another address (--http-host, LEAT_HTTP_HOST)';

/** A service, from the moment that it knows what it is to do. */
interface Setup {
  readonly source: PipelineSource;
  readonly options: ServeOptions;
  readonly stages: readonly Stage[];
  readonly roles: readonly Role[];
  readonly stop: AbortController;
  readonly abort: AbortController;
}

/** See `serve`. */
export async function openService(given: PipelineOrFile, options: ServeOptions): Promise<Service> {
  checkServeOptions(options);
  const { roles = ROLES, signal } = options;
  const source = await pipelineFrom(given, signal);
  const stages = hostedStages(source.pipeline, options);
  const names = namesWithInline(source.pipeline, stages);
  demandFile(
    source,
    source.pipeline.stages.filter(({ name }) => names.includes(name)),
  );
  const stop = new AbortController();
  const abort = new AbortController();
  const onAbort = (): void => stop.abort(signal?.reason);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort);
  return new Promise((resolve, reject) => {
    const running = run({ source, options, stages, roles, stop, abort }, (health, httpPort) => {
      const { logger } = loggersOf(options);
      resolve(new Service({ ended, stop, abort, health, httpPort, logger, stages: names }));
    });
    const ended = running.finally(() => signal?.removeEventListener('abort', onAbort));
    ended.then(() => reject(stop.signal.reason), reject);
  });
}

/** Told when a service is connected. */
type OnReady = (health: () => Health, httpPort: number | undefined) => void;

async function run(setup: Setup, onReady: OnReady): Promise<void> {
  const { source, options, stages, roles, stop } = setup;
  const { pipeline } = source;
  const { logger } = loggersOf(options);
  const names = namesWithInline(pipeline, stages);
  const measurement = options.http && measure(pipeline, roles, names);
  let connection: PipelineConnection | undefined;
  const state = () => ({ connection, stages: names, isStopping: stop.signal.aborted });
  // Open before there is a connection, and until all is done: who asks is told what is waited for.
  await using endpoint = await openEndpoint(options, state, measurement);
  await using tracing = await openTracing(options.otlpEndpoint, logger, pipeline, roleName(roles));
  connection = await connect(setup);
  measurement?.watch(connection);
  const telemetry = { meter: measurement?.meter, tracer: tracing?.tracer };
  try {
    await work(setup, { connection, telemetry, measurement }, () =>
      onReady(() => healthOf(state()), endpoint?.port),
    );
  } finally {
    await connection.close();
  }
}

/** Where probes and scrapers are answered, if anywhere. */
async function openEndpoint(
  { http, ...options }: ServeOptions,
  state: () => ServiceState,
  measurement: Measurement | undefined,
): Promise<HttpEndpoint | undefined> {
  if (http === undefined || measurement === undefined) return undefined;
  const { host = '127.0.0.1', port } = http;
  const endpoint = await openHttpEndpoint(
    { host, port, remedy: REMEDY },
    { ...healthRoutes(state), '/metrics': measurement.answer },
  );
  loggersOf(options).logger.info({ host, port: endpoint.port }, 'answering probes');
  return endpoint;
}

function connect({ source, options, roles, stop }: Setup): Promise<PipelineConnection> {
  return openPipelineConnection(
    source.pipeline.spec,
    {
      nats: natsSettingsOf(options.connection ?? {}),
      topology: { ...DEFAULT_TOPOLOGY_SETTINGS, ...options.topology },
      signingKeys: options.signingKeys,
    },
    {
      name: connectionName(roleName(roles)),
      logger: loggersOf(options).logger,
      isPatient: true,
      signal: stop.signal,
    },
  );
}

/** What a service works with, once it is connected. */
interface Means {
  readonly connection: PipelineConnection;
  readonly telemetry: Telemetry;
  readonly measurement: Measurement | undefined;
}

/** Hosts the stages until they are told to stop, or end by themselves. */
async function work(
  { source, options, stages, roles, stop, abort }: Setup,
  { connection, telemetry, measurement }: Means,
  onReady: () => void,
): Promise<void> {
  const { pipeline, file } = source;
  const { once = false, onRunEnded } = options;
  const { logger, log } = loggersOf(options);
  const tellEnded = told('onRunEnded', onRunEnded, logger);
  const codeVersion = options.codeVersion ?? (file && (await codeVersionOf(file)));
  const names = namesWithInline(pipeline, stages);
  const fields = { pipeline: pipeline.name, role: roleName(roles), stages: names, codeVersion };
  logger.info(fields, 'service ready');
  onReady();
  await hostStages(
    {
      connection,
      pipeline,
      pipelineFile: file,
      codeVersion,
      logger,
      telemetry,
      log,
      stop: stop.signal,
      abort: abort.signal,
    },
    {
      stages,
      once,
      fetching: {
        ...(measurement && {
          onLease: measurement.onLease,
          onProgress: measurement.onProgress,
          onWindow: measurement.onWindow,
        }),
        onEnded: ({ report }) => tellEnded(report),
      },
    },
  );
}
