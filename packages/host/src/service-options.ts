import type { RunReport, TopologySettings } from '@leat/core';
import type { ConnectionSettings, LogFormat } from '@leat/runtime';
import type { Logger } from '@leat/sdk';
import type { HostedStages } from './hosted-stages.ts';

/** What every process that hosts stages may be given. */
export interface ServiceOptions {
  /** How to reach NATS. */
  readonly connection?: ConnectionSettings;
  /**
   * Limits of the pipeline's streams.
   * @defaultValue `DEFAULT_TOPOLOGY_SETTINGS`, for what is left out
   */
  readonly topology?: Partial<TopologySettings>;
  /**
   * The keys that messages are signed with, each as `id:file`: the first one signs, all are good for checking. What is
   * not signed is refused then.
   * @defaultValue none: nothing is signed, and all is believed
   */
  readonly signingKeys?: readonly string[];
  /**
   * Gets what happens: an object with `debug`, `info`, `warn` and `error`, such as a logger of pino.
   * @defaultValue nothing is logged
   */
  readonly logger?: Logger;
  /**
   * How worker threads and processes of their own log, to standard error: they cannot use `logger`.
   * @defaultValue JSON, at the level of `logger`; `info` if it has none
   */
  readonly log?: { readonly format: LogFormat; readonly level: string };
  /**
   * The version of the pipeline's code, for the reports of runs: 1 to 64 letters, digits, `-` or `_`.
   * @defaultValue a checksum of the pipeline file; none if a pipeline is given
   */
  readonly codeVersion?: string;
  /**
   * The address of an OpenTelemetry collector that takes spans by OTLP over HTTP: `http://localhost:4318`.
   * @defaultValue none, and nothing is traced
   */
  readonly otlpEndpoint?: string;
  /** Aborted, it asks for an end: what is in hand is finished first. */
  readonly signal?: AbortSignal;
}

/** How a service is hosted. */
export interface ServeOptions extends ServiceOptions, HostedStages {
  /**
   * Where `/healthz`, `/readyz` and `/metrics` are answered; port 0 is any that is free.
   * @defaultValue nowhere; the host, if only a port is given, is `'127.0.0.1'`
   */
  readonly http?: { readonly port: number; readonly host?: string };
  /**
   * End when no run is pending or running, rather than wait for the next.
   * @defaultValue `false`
   */
  readonly once?: boolean;
  /** Told of each run that the fetcher of this process has brought to an end. What it throws is a warning in the log. */
  readonly onRunEnded?: (report: RunReport) => void;
}
