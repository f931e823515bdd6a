import { DEFAULT_TOPOLOGY_SETTINGS } from '@leat/core';
import { type LogFormat, MAX_TIMER_MS } from '@leat/runtime';
import * as z from 'zod';

/** What settings are about: a command names those groups that have an effect on it. All commands log. */
export type SettingGroup = 'nats' | 'queues' | 'log' | 'state' | 'work' | 'service';

/** What a setting says of itself, beside its schema. */
export interface SettingMeta {
  readonly group: SettingGroup;
  readonly flag: string;
  readonly variable: string;
  /** What stands for the value in the help. */
  readonly value: string;
  readonly description: string;
  /** Whether its flag may be given several times; its variable has several values separated by commas. */
  readonly isList?: true;
}

/** The values of all settings, read and checked. */
export interface SettingValues {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  readonly credsFile?: string | undefined;
  readonly nkeyFile?: string | undefined;
  readonly tlsCaFile?: string | undefined;
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** Separated by commas. */
  readonly signingKeys?: string | undefined;
  readonly replicas: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly ackWaitMs: number;
  readonly logFormat: LogFormat;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly stateDir: string;
  readonly httpPort?: number | undefined;
  readonly httpHost: string;
  readonly otlpEndpoint?: string | undefined;
  readonly stopGraceMs?: number | undefined;
  readonly codeVersion?: string | undefined;
}

const META = z.registry<SettingMeta>();

/** The message of each check says what is expected. */
function counted(): z.ZodCoercedNumber {
  const error = 'a whole number from 1';
  return z.coerce.number({ error }).int({ error }).min(1, { error });
}

/** In milliseconds. */
function duration(): z.ZodCoercedNumber {
  // Beyond it a timer fires at once.
  return counted().max(MAX_TIMER_MS, { error: 'at most 2147483647 (24 days, in milliseconds)' });
}

function choice<const T extends readonly string[]>(values: T): z.ZodEnum<{ [V in T[number]]: V }> {
  return z.enum(values, { error: `one of ${values.join(', ')}` });
}

const FORMATS = ['console', 'json'] as const satisfies readonly LogFormat[];
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const topology = DEFAULT_TOPOLOGY_SETTINGS;

const schema = z.object({
  url: z.string().default('nats://127.0.0.1:4222').register(META, {
    group: 'nats',
    flag: 'nats',
    variable: 'NATS_URL',
    value: 'URL',
    description:
      'Address of the NATS server; several are separated by commas. `leat dev` brings its own where none is named.',
  }),
  user: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-user',
    variable: 'NATS_USER',
    value: 'NAME',
    description: 'User name.',
  }),
  password: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-password',
    variable: 'NATS_PASSWORD',
    value: 'TEXT',
    description: 'Password.',
  }),
  token: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-token',
    variable: 'NATS_TOKEN',
    value: 'TEXT',
    description: 'Token.',
  }),
  credsFile: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-creds',
    variable: 'NATS_CREDS',
    value: 'FILE',
    description: 'Path of a `.creds` file (JWT and key).',
  }),
  nkeyFile: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-nkey',
    variable: 'NATS_NKEY',
    value: 'FILE',
    description: 'Path of a file with an nkey seed.',
  }),
  tlsCaFile: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-ca',
    variable: 'NATS_CA',
    value: 'FILE',
    description: "Path of the certificate authority's certificate; switches TLS on.",
  }),
  tlsCertFile: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-cert',
    variable: 'NATS_CERT',
    value: 'FILE',
    description: "Path of the client's certificate.",
  }),
  tlsKeyFile: z.string().optional().register(META, {
    group: 'nats',
    flag: 'nats-key',
    variable: 'NATS_KEY',
    value: 'FILE',
    description: "Path of the client's key.",
  }),
  signingKeys: z.string().optional().register(META, {
    group: 'nats',
    flag: 'signing-key',
    variable: 'LEAT_SIGNING_KEY',
    value: 'ID:FILE',
    isList: true,
    description:
      'A key to sign messages with, and to refuse others; several are repeated, or separated by commas. The first one signs.',
  }),
  replicas: counted().default(topology.replicas).register(META, {
    group: 'queues',
    flag: 'stream-replicas',
    variable: 'LEAT_STREAM_REPLICAS',
    value: 'N',
    description: 'Copies of each stream in a NATS cluster: 1 for development, 3 for production.',
  }),
  maxMessages: counted().default(topology.maxMessages).register(META, {
    group: 'queues',
    flag: 'queue-max-chunks',
    variable: 'LEAT_QUEUE_MAX_CHUNKS',
    value: 'N',
    description: 'Most chunks that may wait in front of a stage.',
  }),
  maxBytes: counted().default(topology.maxBytes).register(META, {
    group: 'queues',
    flag: 'queue-max-bytes',
    variable: 'LEAT_QUEUE_MAX_BYTES',
    value: 'N',
    description: 'Most bytes that may wait in front of a stage.',
  }),
  ackWaitMs: duration().default(topology.ackWaitMs).register(META, {
    group: 'queues',
    flag: 'ack-wait-ms',
    variable: 'LEAT_ACK_WAIT_MS',
    value: 'MS',
    description: 'Milliseconds without a sign of life after which another replica gets a chunk.',
  }),
  logFormat: choice(FORMATS).default('console').register(META, {
    group: 'log',
    flag: 'log-format',
    variable: 'LEAT_LOG_FORMAT',
    value: 'FORMAT',
    description: 'How log lines look: `console` for people, `json` for programs.',
  }),
  logLevel: choice(LEVELS).default('info').register(META, {
    group: 'log',
    flag: 'log-level',
    variable: 'LEAT_LOG_LEVEL',
    value: 'LEVEL',
    description: 'The least level that is logged: `debug`, `info`, `warn`, `error` or `silent`.',
  }),
  stateDir: z.string().default('.leat').register(META, {
    group: 'state',
    flag: 'state-dir',
    variable: 'LEAT_STATE_DIR',
    value: 'DIR',
    description: 'Where `leat dev` keeps its NATS server’s data, and so its runs.',
  }),
  httpPort: z
    .string()
    .regex(/^\d{1,5}$/, 'a port from 0 to 65535')
    .transform(Number)
    .refine((port) => port <= 65_535, 'a port from 0 to 65535')
    .optional()
    .register(META, {
      group: 'service',
      flag: 'http-port',
      variable: 'LEAT_HTTP_PORT',
      value: 'PORT',
      description:
        'Port on which `fetcher`, `mapper` and `saver` answer `/healthz`, `/readyz` and `/metrics`; 0 is any that is free.',
    }),
  httpHost: z
    .string()
    // An empty one would be all addresses.
    .regex(/^\S+$/, 'an address or a host name')
    .default('127.0.0.1')
    .register(META, {
      group: 'service',
      flag: 'http-host',
      variable: 'LEAT_HTTP_HOST',
      value: 'HOST',
      description:
        'Address on which they do so; by default only this machine can ask. `::` is all addresses that the machine has.',
    }),
  otlpEndpoint: z
    .url({ protocol: /^https?$/, error: 'an address that begins with http:// or https://' })
    .optional()
    .register(META, {
      group: 'work',
      flag: 'otlp-endpoint',
      variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      value: 'URL',
      description:
        'Address of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://localhost:4318`; switches tracing on.',
    }),
  stopGraceMs: duration().optional().register(META, {
    group: 'work',
    flag: 'stop-grace-ms',
    variable: 'LEAT_STOP_GRACE_MS',
    value: 'MS',
    description:
      'Milliseconds that a process has after Ctrl-C or SIGTERM to finish what is in hand; by default as long as it takes.',
  }),
  codeVersion: z
    .string()
    .regex(/^[\w-]{1,64}$/, '1 to 64 letters, digits, - or _')
    .optional()
    .register(META, {
      group: 'work',
      flag: 'code-version',
      variable: 'LEAT_CODE_VERSION',
      value: 'TEXT',
      description:
        'What the report calls your code, such as an image’s tag: up to 64 letters, digits, `-` and `_`; by default a checksum of the file.',
    }),
});

export type SettingName = keyof SettingValues;

/** What all settings must be. */
export const SETTINGS_SCHEMA: z.ZodType<SettingValues> = schema;
/** The schema of each setting alone. */
export const SETTING_SCHEMAS: Readonly<
  Record<SettingName, z.ZodType<string | number | undefined>>
> = schema.shape;

/** What a setting says of itself. */
export function settingMeta(name: SettingName): SettingMeta {
  return META.get(schema.shape[name]) as SettingMeta;
}
