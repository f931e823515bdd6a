import * as z from 'zod';
import type { SettingRow } from '../../packages/cli/src/settings.ts';

/** A JSON Schema, as far as the chart needs one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Leat's settings by their names. The chart makes addresses, ports and paths of credentials itself. */
type Settings = Readonly<Record<string, SettingRow>>;
type Shape = Readonly<Record<string, z.ZodType>>;

/** How a stage, a pipeline or a mapper may be called. */
const NAME = '^[a-z][a-z0-9-]{0,30}$';

/** The JSON Schema of the chart's values: what Leat's settings say of themselves, and the rest of the chart. */
export function chartSchema(settings: Settings): JsonSchema {
  const schema = closed('Made by "pnpm run docs".', {
    global: anything('Helm passes it; the chart does not use it.'),
    image,
    pipeline: closed('The pipeline that is hosted.', {
      name: text('Its name, as in pipeline(name, …).', { pattern: NAME }),
      file: text('Its file in the image.', { minLength: 1 }),
    }),
    secret: text('Name of a Secret whose entries are variables: DATABASE_URL, NATS_PASSWORD.'),
    nats: nats(settings),
    ...observation(settings),
    data: closed(
      'A volume at /data of fetcher and saver, for sinks that write files; of fetcher and mappers if saver.replicas is 0.',
      {
        enabled: flag('Whether there is one.'),
        size: text('How large.'),
        storageClass: text('Default: that of the cluster.'),
      },
    ),
    fetcher: closed('Reads the source and conducts the runs.', { replicas, resources }),
    mapper: mapper(),
    saver: closed('Commits chunks with their receipts.', { replicas, resources }),
    terminationGracePeriodSeconds: count(
      'From SIGTERM to SIGKILL; what is in hand is given back 5 s before.',
      10,
    ),
    networkPolicy: closed('Who may call the pods.', { enabled: flag('Whether that is bounded.') }),
  });
  return { title: 'Values of the Leat chart', ...jsonOf(schema) };
}

const resources = anything('Requests and limits, as Kubernetes has them.');
const replicas = count('How many pods.', 0);
const labels = z
  .record(z.string(), z.string())
  .meta({ description: 'Labels by which it is found.' });

const image = closed('The image of all roles.', {
  repository: text('Without the tag.', { minLength: 1 }),
  tag: text('Default: the version of the chart’s application.'),
  pullPolicy: oneOf('As Kubernetes has it.', ['Always', 'IfNotPresent', 'Never']),
  pullSecrets: z
    .array(closed('', { name: text('The name of a Secret.') }))
    .meta({ description: 'Secrets for a registry that asks who you are.' }),
});

const signing = closed(
  'Keys that messages are signed with. Without them, nothing is signed.',
  {
    secret: text('Name of the Secret that has them.'),
    keys: z
      .array(text('The name of an entry.', { pattern: '^[A-Za-z0-9_.-]{1,64}$' }))
      .meta({ description: 'The names of its entries, which are the ids. The first one signs.' }),
  },
  {
    // Who gives one and not the other would believe that messages are signed.
    anyOf: [
      { properties: { secret: { maxLength: 0 }, keys: { maxItems: 0 } } },
      { properties: { secret: { minLength: 1 }, keys: { minItems: 1 } } },
    ],
  },
);

function nats(settings: Settings): z.ZodType {
  return closed('Where NATS is.', {
    streamReplication: setting(settings['replicas']),
    external: closed(
      'A NATS of yours. Without it, the chart brings a single server, for development.',
      {
        enabled: flag('Whether there is one.'),
        host: text('Its host name.', { pattern: '^[A-Za-z0-9.-]*$' }),
        port: count('Its port.', 1, 65_535),
        tls: flag('Whether it speaks TLS.'),
      },
      {
        anyOf: [
          { properties: { enabled: { const: false } } },
          { properties: { host: { minLength: 1 } } },
        ],
      },
    ),
    credentials: closed('A Secret with files, and the names of its entries; empty means none.', {
      secret: text('Its name.'),
      creds: text('A .creds file (JWT and key).'),
      nkey: text('An nkey seed.'),
      ca: text('The certificate of the authority.'),
      cert: text('The client’s certificate.'),
      key: text('The client’s key.'),
    }),
    signing,
    embedded: closed('The server for development.', {
      image: text('Its image.', { minLength: 1 }),
      storage: text('How much it may store.'),
      resources,
    }),
  });
}

/** Queues, logs, traces and metrics. */
function observation(settings: Settings): Shape {
  return {
    queues: closed('What stands in front of a stage.', {
      maxChunks: setting(settings['maxMessages']),
      maxBytes: setting(settings['maxBytes']),
      ackWaitMs: setting(settings['ackWaitMs']),
    }),
    logs: closed('What is logged.', {
      format: setting(settings['logFormat']),
      level: setting(settings['logLevel']),
    }),
    tracing: closed('Where spans go.', { otlpEndpoint: setting(settings['otlpEndpoint']) }),
    metrics: closed('What services measure, for the Prometheus operator and Grafana.', {
      serviceMonitor: closed('Has the pods scraped.', {
        enabled: flag('Whether there is one.'),
        labels,
        interval: text('How often, as Prometheus has it.', { pattern: '^[0-9]+(ms|s|m|h)$' }),
      }),
      alerts: closed('A PrometheusRule with the alerts.', {
        enabled: flag('Whether there is one.'),
        labels,
      }),
      dashboard: closed('A ConfigMap with the dashboard.', {
        enabled: flag('Whether there is one.'),
        labels,
      }),
    }),
  };
}

function mapper(): z.ZodType {
  const autoscaling = closed('How many there are.', {
    by: oneOf('fixed: as many as replicas says; cpu: an HPA; lag: a KEDA ScaledObject.', [
      'fixed',
      'cpu',
      'lag',
    ]),
    minReplicas: count('The fewest.'),
    maxReplicas: count('The most.'),
    cpuUtilization: count('Per cent of the CPU request at which replicas are added.', 1, 1_000),
    lagThreshold: count('One replica for every so many chunks that wait or are in work.'),
    account: text('The NATS account of the streams.'),
    monitoringEndpoint: text('host:port of the monitoring of NATS. Default: the embedded NATS.'),
  });
  const stage = closed('What this stage has otherwise than the others.', { replicas, resources });
  const stages = z.record(z.string().regex(new RegExp(NAME)), stage).meta({
    description: 'A Deployment for each mapper that is named here; without any, one for all.',
  });
  return closed(
    'Works on chunks.',
    { replicas, resources, autoscaling, stages },
    {
      anyOf: [
        { properties: { autoscaling: { properties: { by: { enum: ['fixed', 'cpu'] } } } } },
        { properties: { stages: { minProperties: 1 } } },
      ],
    },
  );
}

/** A value that is passed on as a setting of Leat: what it may be, and what it means. */
function setting(row: SettingRow | undefined): z.ZodType {
  if (row === undefined) throw new Error('There is no such setting.');
  const { schema, meaning } = row;
  const inner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional;
  const plain = inner ? (schema.unwrap() as z.ZodType) : schema;
  const description = meaning.replaceAll('`', '');
  // An empty one is none.
  if (plain instanceof z.ZodURL) return text(description, { pattern: '^(https?://.+)?$' });
  return plain.meta({ description });
}

function closed(description: string, shape: Shape, rest: JsonSchema = {}): z.ZodType {
  return z
    .strictObject(shape)
    .partial()
    .meta({ description, ...rest });
}

function anything(description: string): z.ZodType {
  return z.looseObject({}).meta({ description });
}

function text(description: string, rest: JsonSchema = {}): z.ZodType {
  return z.string().meta({ description, ...rest });
}

function flag(description: string): z.ZodType {
  return z.boolean().meta({ description });
}

function count(description: string, least = 1, most = Number.MAX_SAFE_INTEGER): z.ZodType {
  return z.int().min(least).max(most).meta({ description });
}

function oneOf(description: string, values: readonly string[]): z.ZodType {
  return z.enum(values).meta({ description });
}

/** Without limits that are only those of JavaScript. */
function jsonOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
}
