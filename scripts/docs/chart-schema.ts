import * as z from 'zod';
import type { SettingRow } from '../../packages/cli/src/settings.ts';

/** A JSON Schema, as far as the chart needs one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Where the chart's values have which setting. The others are no business of a value: the chart makes
 * addresses, ports and paths of credentials itself, and they hold for `leat dev` or for people.
 */
const VALUES_OF: Readonly<Record<string, readonly [setting: string, type: 'integer' | 'string']>> =
  {
    'nats.streamReplication': ['replicas', 'integer'],
    'queues.maxChunks': ['maxMessages', 'integer'],
    'queues.maxBytes': ['maxBytes', 'integer'],
    'queues.ackWaitMs': ['ackWaitMs', 'integer'],
    'logs.format': ['logFormat', 'string'],
    'logs.level': ['logLevel', 'string'],
    'tracing.otlpEndpoint': ['otlpEndpoint', 'string'],
  };

const text = (description: string, rest: JsonSchema = {}): JsonSchema => ({
  type: 'string',
  description,
  ...rest,
});
const flag = (description: string): JsonSchema => ({ type: 'boolean', description });
const count = (description: string, minimum = 1): JsonSchema => ({
  type: 'integer',
  minimum,
  description,
});
const closed = (
  description: string,
  properties: JsonSchema,
  rest: JsonSchema = {},
): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: false,
  properties,
  ...rest,
});
const anything = (description: string): JsonSchema => ({ type: 'object', description });

/** The JSON Schema of the chart's values: what Leat's settings say of themselves, and the rest of the chart. */
export function chartSchema(settings: Readonly<Record<string, SettingRow>>): JsonSchema {
  const setting = (path: string): JsonSchema => {
    const [name = '', type] = VALUES_OF[path] ?? [];
    const row = settings[name];
    const meaning = row?.meaning;
    const known: JsonSchema = row === undefined ? {} : z.toJSONSchema(row.schema);
    const rest = {
      ...(known['enum'] !== undefined && { enum: known['enum'] }),
      ...(known['minimum'] !== undefined && { minimum: known['minimum'] }),
      ...(known['format'] === 'uri' && { pattern: '^(https?://.+)?$' }),
    };
    return { type, description: meaning?.replaceAll('`', ''), ...rest };
  };
  const resources = anything('Requests and limits, as Kubernetes has them.');
  const scaling = {
    by: text('fixed: as many as replicas says; cpu: an HPA; lag: a KEDA ScaledObject.', {
      enum: ['fixed', 'cpu', 'lag'],
    }),
    minReplicas: count('The fewest.'),
    maxReplicas: count('The most.'),
    cpuUtilization: {
      ...count('Per cent of the CPU request at which replicas are added.'),
      maximum: 1000,
    },
    lagThreshold: count('One replica for every so many chunks that wait or are in work.'),
    account: text('The NATS account of the streams.'),
    monitoringEndpoint: text('host:port of the monitoring of NATS. Default: the embedded NATS.'),
  };
  const sought = {
    ...anything('Labels by which it is found.'),
    additionalProperties: { type: 'string' },
  };
  const replicas = count('How many pods.', 0);
  const stage = closed('What this stage has otherwise than the others.', { replicas, resources });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the Leat chart',
    ...closed('Made by "pnpm run docs".', {
      global: anything('Helm passes it; the chart does not use it.'),
      image: closed('The image of all roles.', {
        repository: text('Without the tag.', { minLength: 1 }),
        tag: text('Default: the version of the chart’s application.'),
        pullPolicy: text('As Kubernetes has it.', { enum: ['Always', 'IfNotPresent', 'Never'] }),
        pullSecrets: {
          type: 'array',
          items: closed('', { name: text('The name of a Secret.') }),
          description: 'Secrets for a registry that asks who you are.',
        },
      }),
      pipeline: closed('The pipeline that is hosted.', {
        name: text('Its name, as in pipeline(name, …).', { pattern: '^[a-z][a-z0-9-]{0,30}$' }),
        file: text('Its file in the image.', { minLength: 1 }),
      }),
      secret: text('Name of a Secret whose entries are variables: DATABASE_URL, NATS_PASSWORD.'),
      nats: closed('Where NATS is.', {
        streamReplication: setting('nats.streamReplication'),
        external: closed(
          'A NATS of yours. Without it, the chart brings a single server, for development.',
          {
            enabled: flag('Whether there is one.'),
            host: text('Its host name.', { pattern: '^[A-Za-z0-9.-]*$' }),
            port: { ...count('Its port.'), maximum: 65_535 },
            tls: flag('Whether it speaks TLS.'),
          },
          {
            anyOf: [
              { properties: { enabled: { const: false } } },
              { properties: { host: { minLength: 1 } } },
            ],
          },
        ),
        credentials: closed(
          'A Secret with files, and the names of its entries; empty means none.',
          {
            secret: text('Its name.'),
            creds: text('A .creds file (JWT and key).'),
            nkey: text('An nkey seed.'),
            ca: text('The certificate of the authority.'),
            cert: text('The client’s certificate.'),
            key: text('The client’s key.'),
          },
        ),
        embedded: closed('The server for development.', {
          image: text('Its image.', { minLength: 1 }),
          storage: text('How much it may store.'),
          resources,
        }),
      }),
      queues: closed('What stands in front of a stage.', {
        maxChunks: setting('queues.maxChunks'),
        maxBytes: setting('queues.maxBytes'),
        ackWaitMs: setting('queues.ackWaitMs'),
      }),
      logs: closed('What is logged.', {
        format: setting('logs.format'),
        level: setting('logs.level'),
      }),
      tracing: closed('Where spans go.', { otlpEndpoint: setting('tracing.otlpEndpoint') }),
      metrics: closed('What services measure, for the Prometheus operator and Grafana.', {
        serviceMonitor: closed('Has the pods scraped.', {
          enabled: flag('Whether there is one.'),
          labels: sought,
          interval: text('How often, as Prometheus has it.', { pattern: '^[0-9]+(ms|s|m|h)$' }),
        }),
        alerts: closed('A PrometheusRule with the alerts.', {
          enabled: flag('Whether there is one.'),
          labels: sought,
        }),
        dashboard: closed('A ConfigMap with the dashboard.', {
          enabled: flag('Whether there is one.'),
          labels: sought,
        }),
      }),
      data: closed('A volume at /data of fetcher and saver, for sinks that write files.', {
        enabled: flag('Whether there is one.'),
        size: text('How large.'),
        storageClass: text('Default: that of the cluster.'),
      }),
      fetcher: closed('Reads the source and conducts the runs.', { replicas, resources }),
      mapper: closed(
        'Works on chunks.',
        {
          replicas,
          resources,
          autoscaling: closed('How many there are.', scaling),
          stages: {
            type: 'object',
            description:
              'A Deployment for each mapper that is named here; without any, one for all.',
            additionalProperties: stage,
            propertyNames: { pattern: '^[a-z][a-z0-9-]{0,30}$' },
          },
        },
        {
          anyOf: [
            { properties: { autoscaling: { properties: { by: { enum: ['fixed', 'cpu'] } } } } },
            { properties: { stages: { minProperties: 1 } } },
          ],
        },
      ),
      saver: closed('Commits chunks with their receipts.', { replicas, resources }),
      terminationGracePeriodSeconds: count(
        'From SIGTERM to SIGKILL; what is in hand is given back 5 s before.',
        10,
      ),
      networkPolicy: closed('Who may call the pods.', {
        enabled: flag('Whether that is bounded.'),
      }),
    }),
  };
}
