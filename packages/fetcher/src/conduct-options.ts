import type { LeatError, RunReport, RunRequest, WindowRules } from '@leat/core';
import type { Logger, PipelineConnection, Telemetry } from '@leat/runtime';
import type { Pipeline } from '@leat/sdk';
import type { Lease } from './lease.ts';

export interface ConductOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly request: RunRequest;
  readonly lease: Lease;
  /** The version of the user's code, for the run's report. */
  readonly codeVersion?: string | undefined;
  readonly logger: Logger;
  readonly telemetry?: Telemetry | undefined;
  /** Stops sending, checkpoints, and gives the lease back. */
  readonly stop: AbortSignal;
  /** Told twice a second while the run is paused. */
  readonly onPaused?: () => Promise<void>;
  /** Told a few times a second how far the run has come. */
  readonly onProgress?: (report: RunReport) => void;
  /** Told how many chunks may be in flight, whenever that has changed. */
  readonly onWindow?: (chunks: number) => void;
  /** How the window begins. @defaultValue `WINDOW_RULES` */
  readonly windowRules?: WindowRules;
}

/** How a run was left. */
export interface Conducted {
  readonly report: RunReport;
  /** Why the run failed, if it did. */
  readonly error?: LeatError;
}
