import type { TopologySettings } from '@leat/core';
import type { ConnectionSettings, LogFormat, Logger } from '@leat/runtime';

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
   * Gets what happens.
   * @defaultValue nothing is logged
   */
  readonly logger?: Logger;
  /**
   * How worker threads and processes of their own log, to standard error: they cannot use `logger`.
   * @defaultValue JSON, at the level of `logger`
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
