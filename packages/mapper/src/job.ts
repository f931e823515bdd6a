import type { ChunkLimits, Origins, Position } from '@leat/core';
import type { RunInfo } from '@leat/sdk';
import type { DeadRecord, Piece, TraceHeaders } from '@leat/runtime';

/** One chunk to work on, as it can be handed to a worker thread. */
export interface Job {
  readonly run: RunInfo;
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

/** What a chunk became. */
export interface JobResult {
  /** Empty if no record is left. */
  readonly pieces: readonly Required<Piece>[];
  readonly expanded: number;
  readonly filtered: number;
  readonly dead: readonly DeadRecord[];
  readonly retries: number;
}
