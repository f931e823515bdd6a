import type { ChunkLimits, Origins, Position } from '@leat/core';
import type { RunInfo } from '@leat/sdk';
import type { DeadRecord, GivenRun, Piece, TraceHeaders } from '@leat/runtime';

/** One chunk to work on. */
export interface Job {
  readonly run: RunInfo<unknown>;
  /** The run's own: results that have grown are cut by them. */
  readonly limits: ChunkLimits;
  /** The chunk id. */
  readonly chunk: string;
  /** Newline-delimited JSON, `records` lines. */
  readonly body: Uint8Array;
  readonly records: number;
  readonly position: Position;
  readonly origins?: Origins;
  /** The span that the work belongs to; absent where nobody traces. */
  readonly trace?: TraceHeaders | undefined;
}

/** One chunk to work on, here or elsewhere. */
export interface ServiceJob extends Job {
  /** The run as it can be handed over: what the schema made of its parameters may be of any class. */
  readonly given: GivenRun;
}

/** One chunk to work on, as it can be handed to a worker thread or another process. */
export type RemoteJob = Omit<ServiceJob, 'run'>;

export function remoteJobOf(job: ServiceJob): RemoteJob {
  const { run: _, ...rest } = job;
  return rest;
}

/** What a chunk became. */
export interface JobResult {
  /** Empty if no record is left. */
  readonly pieces: readonly Required<Piece>[];
  readonly expanded: number;
  readonly filtered: number;
  readonly dead: readonly DeadRecord[];
  readonly retries: number;
}
