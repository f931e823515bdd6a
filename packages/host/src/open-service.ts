import { DEFAULT_TOPOLOGY_SETTINGS } from '@leat/core';
import {
  connectionName,
  natsSettingsOf,
  openPipelineConnection,
  type PipelineConnection,
} from '@leat/runtime';
import type { Stage } from '@leat/sdk';
import { codeVersionOf } from './code-version.ts';
import { type Health, healthOf, healthRoutes } from './health.ts';
import { hostedStages } from './hosted-stages.ts';
import { hostStages } from './host-stages.ts';
import { openHttpEndpoint } from './http-endpoint.ts';
import { measure } from './metrics/measure.ts';
import {
  demandFile,
  pipelineFrom,
  type PipelineOrFile,
  type PipelineSource,
} from './pipeline-source.ts';
import { type Role, roleName, ROLES } from './role.ts';
import { Service } from './service.ts';
import type { ServeOptions } from './serve.ts';
import { loggersOf } from './loggers.ts';
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
  const { roles = ROLES, signal } = options;
  const source = await pipelineFrom(given, signal);
  const stages = hostedStages(source.pipeline, options);
  demandFile(source, stages);
  const stop = new AbortController();
  const abort = new AbortController();
  const onAbort = (): void => stop.abort(signal?.reason);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort);
  return new Promise((resolve, reject) => {
    const running = run({ source, options, stages, roles, stop, abort }, (health, httpPort) => {
      const names = stages.map(({ name }) => name);
      const { logger } = loggersOf(options);
      resolve(new Service({ ended, stop, abort, health, httpPort, logger, stages: names }));
    });
    const ended = running.finally(() => signal?.removeEventListener('abort', onAbort));
    ended.then(() => reject(stop.signal.reason), reject);
  });
}

/** @param onReady told when the service is connected */
async function run(
  setup: Setup,
  onReady: (health: () => Health, httpPort: number | undefined) => void,
): Promise<void> {
  const { source, options, stages, roles, stop, abort } = setup;
  const { pipeline, file } = source;
  const { http, once = false, onRunEnded } = options;
  const { logger, log } = loggersOf(options);
  const names = stages.map(({ name }) => name);
  const role = roleName(roles);
  const measurement = http && measure(pipeline, roles, names);
  let connection: PipelineConnection | undefined;
  const state = () => ({ connection, stages: names, isStopping: stop.signal.aborted });
  // Open before there is a connection, and until all is done: who asks is told what is waited for.
  await using endpoint =
    http &&
    measurement &&
    (await openHttpEndpoint(
      { host: http.host ?? '127.0.0.1', port: http.port, remedy: REMEDY },
      { ...healthRoutes(state), '/metrics': measurement.answer },
    ));
  if (endpoint !== undefined) {
    logger.info({ host: http?.host ?? '127.0.0.1', port: endpoint.port }, 'answering probes');
  }
  await using tracing = await openTracing(options.otlpEndpoint, logger, pipeline, role);
  connection = await openPipelineConnection(
    pipeline.spec,
    {
      nats: natsSettingsOf(options.connection ?? {}),
      topology: { ...DEFAULT_TOPOLOGY_SETTINGS, ...options.topology },
    },
    {
      name: connectionName(role),
      logger,
      meter: measurement?.meter,
      tracer: tracing?.tracer,
      isPatient: true,
      signal: stop.signal,
    },
  );
  measurement?.watch(connection);
  try {
    const codeVersion = options.codeVersion ?? (file && (await codeVersionOf(file)));
    logger.info({ pipeline: pipeline.name, role, stages: names, codeVersion }, 'service ready');
    onReady(() => healthOf(state()), endpoint?.port);
    await hostStages(
      {
        connection,
        pipeline,
        pipelineFile: file,
        codeVersion,
        logger,
        log,
        stop: stop.signal,
        abort: abort.signal,
      },
      {
        stages,
        once,
        fetching: {
          ...(measurement && { onLease: measurement.onLease, onProgress: measurement.onProgress }),
          onEnded: ({ report }) => onRunEnded?.(report),
        },
      },
    );
  } finally {
    await connection.close();
  }
}
