import { DEFAULT_TOPOLOGY_SETTINGS, LeatError, type TopologySettings } from '@leat/core';
import type { LogFormat, NatsSettings } from '@leat/runtime';

/** One setting: a flag, a variable, a default, in that order of precedence. */
export interface SettingRow {
  readonly flag: string;
  readonly variable: string;
  readonly fallback: string | undefined;
  readonly meaning: string;
  /**
   * Which values are right: whole numbers from 1, ports, addresses of HTTP servers, or those listed.
   * @defaultValue any text
   */
  readonly values?: 'counts' | 'ports' | 'addresses' | readonly string[];
}

const LOG_FORMATS = ['console', 'json'] as const;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

type SettingName =
  | keyof NatsSettings
  | keyof TopologySettings
  | 'logFormat'
  | 'logLevel'
  | 'stateDir'
  | 'httpPort'
  | 'httpHost'
  | 'otlpEndpoint'
  | 'stopGraceMs'
  | 'codeVersion';

const topology = DEFAULT_TOPOLOGY_SETTINGS;

/** Every setting that all commands share; `docs/configuration.md` is made from it. */
export const SETTINGS: Readonly<Record<SettingName, SettingRow>> = {
  url: {
    flag: 'nats',
    variable: 'NATS_URL',
    fallback: 'nats://127.0.0.1:4222',
    meaning:
      'Address of the NATS server; several are separated by commas. `leat dev` brings its own.',
  },
  user: { flag: 'nats-user', variable: 'NATS_USER', fallback: undefined, meaning: 'User name.' },
  password: {
    flag: 'nats-password',
    variable: 'NATS_PASSWORD',
    fallback: undefined,
    meaning: 'Password.',
  },
  token: { flag: 'nats-token', variable: 'NATS_TOKEN', fallback: undefined, meaning: 'Token.' },
  credsFile: {
    flag: 'nats-creds',
    variable: 'NATS_CREDS',
    fallback: undefined,
    meaning: 'Path of a `.creds` file (JWT and key).',
  },
  nkeyFile: {
    flag: 'nats-nkey',
    variable: 'NATS_NKEY',
    fallback: undefined,
    meaning: 'Path of a file with an nkey seed.',
  },
  tlsCaFile: {
    flag: 'nats-ca',
    variable: 'NATS_CA',
    fallback: undefined,
    meaning: "Path of the certificate authority's certificate; switches TLS on.",
  },
  tlsCertFile: {
    flag: 'nats-cert',
    variable: 'NATS_CERT',
    fallback: undefined,
    meaning: "Path of the client's certificate.",
  },
  tlsKeyFile: {
    flag: 'nats-key',
    variable: 'NATS_KEY',
    fallback: undefined,
    meaning: "Path of the client's key.",
  },
  replicas: {
    flag: 'stream-replicas',
    variable: 'LEAT_STREAM_REPLICAS',
    fallback: String(topology.replicas),
    meaning: 'Copies of each stream in a NATS cluster: 1 for development, 3 for production.',
    values: 'counts',
  },
  maxMessages: {
    flag: 'queue-max-chunks',
    variable: 'LEAT_QUEUE_MAX_CHUNKS',
    fallback: String(topology.maxMessages),
    meaning: 'Most chunks that may wait in front of a stage.',
    values: 'counts',
  },
  maxBytes: {
    flag: 'queue-max-bytes',
    variable: 'LEAT_QUEUE_MAX_BYTES',
    fallback: String(topology.maxBytes),
    meaning: 'Most bytes that may wait in front of a stage.',
    values: 'counts',
  },
  ackWaitMs: {
    flag: 'ack-wait-ms',
    variable: 'LEAT_ACK_WAIT_MS',
    fallback: String(topology.ackWaitMs),
    meaning: 'Milliseconds without a sign of life after which another replica gets a chunk.',
    values: 'counts',
  },
  logFormat: {
    flag: 'log-format',
    variable: 'LEAT_LOG_FORMAT',
    fallback: 'console',
    meaning: 'How log lines look: `console` for people, `json` for programs.',
    values: LOG_FORMATS,
  },
  logLevel: {
    flag: 'log-level',
    variable: 'LEAT_LOG_LEVEL',
    fallback: 'info',
    meaning: 'The least level that is logged: `debug`, `info`, `warn`, `error` or `silent`.',
    values: LOG_LEVELS,
  },
  stateDir: {
    flag: 'state-dir',
    variable: 'LEAT_STATE_DIR',
    fallback: '.leat',
    meaning: 'Where `leat dev` keeps its NATS server’s data, and so its runs.',
  },
  httpPort: {
    flag: 'http-port',
    variable: 'LEAT_HTTP_PORT',
    fallback: undefined,
    meaning:
      'Port on which `fetcher`, `mapper` and `saver` answer `/healthz`, `/readyz` and `/metrics`; 0 is any that is free.',
    values: 'ports',
  },
  httpHost: {
    flag: 'http-host',
    variable: 'LEAT_HTTP_HOST',
    fallback: '127.0.0.1',
    meaning:
      'Address on which they do so; by default only this machine can ask. `::` is all addresses that the machine has.',
  },
  otlpEndpoint: {
    flag: 'otlp-endpoint',
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    fallback: undefined,
    meaning:
      'Address of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://localhost:4318`; switches tracing on.',
    values: 'addresses',
  },
  stopGraceMs: {
    flag: 'stop-grace-ms',
    variable: 'LEAT_STOP_GRACE_MS',
    fallback: undefined,
    meaning:
      'Milliseconds after SIGTERM in which a service may finish what is in hand; then it gives it back. Without it, it takes its time.',
    values: 'counts',
  },
  codeVersion: {
    flag: 'code-version',
    variable: 'LEAT_CODE_VERSION',
    fallback: undefined,
    meaning:
      'What the report calls the version of your code, such as an image’s tag: letters, digits, `-` and `_`, up to 64. Without it, a checksum of the pipeline file.',
  },
};

/** The settings of a command, read and checked. */
export interface Settings {
  readonly nats: NatsSettings;
  /** Whether somebody said where NATS is, or it is only the default. */
  readonly isNatsGiven: boolean;
  readonly topology: TopologySettings;
  readonly log: { readonly format: LogFormat; readonly level: string };
  readonly stateDir: string;
  readonly httpPort: number | undefined;
  readonly httpHost: string;
  readonly otlpEndpoint: string | undefined;
  readonly stopGraceMs: number | undefined;
  readonly codeVersion: string | undefined;
}

type Values = Readonly<Record<string, unknown>>;
type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings from flags, then variables, then defaults.
 *
 * @throws LeatError `invalid-configuration` that names the flag or variable
 */
export function readSettings(flags: Values, variables: Variables): Settings {
  const text = (row: SettingRow): string | undefined =>
    (flags[row.flag] as string | undefined) ??
    (variables[row.variable] || undefined) ??
    row.fallback;
  const required = (row: SettingRow): string => text(row) ?? '';
  const count = (row: SettingRow): number => {
    const value = Number(required(row));
    if (Number.isInteger(value) && value >= 1) return value;
    throw wrong(row, 'a whole number from 1', required(row));
  };
  const optionalCount = (row: SettingRow): number | undefined =>
    text(row) === undefined ? undefined : count(row);
  const port = (row: SettingRow): number | undefined => {
    const value = text(row);
    if (value === undefined) return undefined;
    if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
    throw wrong(row, 'a port from 0 to 65535', value);
  };
  const host = (row: SettingRow): string => {
    // An empty one would be all addresses.
    if (/^\S+$/.test(required(row))) return required(row);
    throw wrong(row, 'an address or a host name', required(row));
  };
  const address = (row: SettingRow): string | undefined => {
    const value = text(row);
    if (value === undefined || (/^https?:\/\//.test(value) && URL.canParse(value))) return value;
    throw wrong(row, 'an address that begins with http:// or https://', value);
  };
  const version = (row: SettingRow): string | undefined => {
    const value = text(row);
    if (value === undefined || /^[\w-]{1,64}$/.test(value)) return value;
    throw wrong(row, '1 to 64 letters, digits, - or _', value);
  };
  const choice = <T extends string>(row: SettingRow, choices: readonly T[]): T => {
    const value = choices.find((each) => each === text(row));
    if (value !== undefined) return value;
    throw wrong(row, `one of ${choices.join(', ')}`, required(row));
  };
  const optional = (
    [
      'user',
      'password',
      'token',
      'credsFile',
      'nkeyFile',
      'tlsCaFile',
      'tlsCertFile',
      'tlsKeyFile',
    ] as const
  ).flatMap((key) => {
    const value = text(SETTINGS[key]);
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    nats: { url: required(SETTINGS.url), ...Object.fromEntries(optional) },
    isNatsGiven:
      flags[SETTINGS.url.flag] !== undefined || Boolean(variables[SETTINGS.url.variable]),
    topology: {
      replicas: count(SETTINGS.replicas),
      maxMessages: count(SETTINGS.maxMessages),
      maxBytes: count(SETTINGS.maxBytes),
      ackWaitMs: count(SETTINGS.ackWaitMs),
    },
    log: {
      format: choice(SETTINGS.logFormat, LOG_FORMATS),
      level: choice(SETTINGS.logLevel, LOG_LEVELS),
    },
    stateDir: required(SETTINGS.stateDir),
    httpPort: port(SETTINGS.httpPort),
    httpHost: host(SETTINGS.httpHost),
    otlpEndpoint: address(SETTINGS.otlpEndpoint),
    stopGraceMs: optionalCount(SETTINGS.stopGraceMs),
    codeVersion: version(SETTINGS.codeVersion),
  };
}

function wrong(row: SettingRow, expected: string, found: string): LeatError {
  return new LeatError(
    'invalid-configuration',
    `--${row.flag} (${row.variable}) must be ${expected}; it is ${JSON.stringify(found)}.`,
  );
}
