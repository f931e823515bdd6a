import {
  type ChunkLimits,
  formatPosition,
  type Origins,
  type Position,
  requestId,
} from '@leat/core';
import type { Mapper } from '@leat/sdk';
import type { RecordFailure, RunInfo } from '@leat/sdk';
import type { DeadRecord, GivenRun, Piece, TraceHeaders } from '@leat/runtime';

/** Why a record waits: to be tried again, or for the user's function. */
export interface RecordWait {
  /** The message of what was thrown; of a call, what ends it. */
  readonly reason: string;
  /** When it failed, or was busy, for the first time, or when it was called; by `Date.now`. */
  readonly sinceMs: number;
  /** Whether the user's function was called, and has not returned. */
  readonly isCalled?: boolean;
}

/**
 * Told that a record waits, and when it does not any more.
 *
 * @param position where in the dataset it stands
 */
export type OnWait = (position: string, wait: RecordWait | undefined) => void;

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
  /** Where its records stand in their root chunk, if `origins` counts from the chunk that a branch began with. */
  readonly offsets?: Origins;
  /** The span that the work belongs to; absent where nobody traces. */
  readonly trace?: TraceHeaders | undefined;
  readonly onWait?: OnWait | undefined;
  /** What its only record would be given up for: the function has had its attempts, and `recover` is called. */
  readonly failure?: RecordFailure | undefined;
}

/** One chunk to work on, here or elsewhere. */
export interface ServiceJob extends Job {
  /** The run as it can be handed over: what the schema made of its parameters may be of any class. */
  readonly given: GivenRun;
}

/** One chunk to work on, as it can be handed to a worker thread or another process. */
export type RemoteJob = Omit<ServiceJob, 'run' | 'onWait'>;

export function remoteJobOf(job: ServiceJob): RemoteJob {
  const { run: _, onWait: __, ...rest } = job;
  return rest;
}

/** Where a record of a chunk stands in the dataset. */
export function positionOf(job: Job, index: number): string {
  return formatPosition(job.position, offsetOf(job, index));
}

/** Where a record of a chunk stands in its root chunk. */
function offsetOf({ origins, offsets = origins }: Job, index: number): number {
  return offsets?.[index] ?? index;
}

/** The number of a record of a chunk in its source. */
export function numberOf(job: Job, index: number): number {
  return job.position.first + offsetOf(job, index);
}

/** The id of a record of a chunk, see {@link requestId}. */
export function requestOf(job: Job, index: number): string {
  return requestId(job.run.id, job.chunk, numberOf(job, index));
}

/** What ends a call that does not return. */
export function whatEndsCalls({ timeoutMs }: Pick<Mapper, 'timeoutMs'>): string {
  return timeoutMs === undefined
    ? 'nothing ends it, because the stage has no timeoutMs'
    : `the timeoutMs of the stage, ${timeoutMs}, ends it`;
}

/** A part of what a chunk became. */
export interface ResultPiece extends Piece {
  readonly origins: Origins;
}

/** What a chunk became. */
export interface JobResult {
  /** Empty if no record is left. */
  readonly pieces: readonly ResultPiece[];
  readonly expanded: number;
  readonly filtered: number;
  readonly dead: readonly DeadRecord[];
  readonly retries: number;
  readonly recovered: number;
}
