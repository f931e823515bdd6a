import type { ThrownDescription } from '@leat/core';
import type { RunInfo } from './contracts.ts';
import type { Logger } from './logger.ts';
import type { TextParams } from './params.ts';
import type { StageBlobs, StageState } from './stage-state.ts';

/** Which record of the dataset is worked on. */
export interface RequestInfo {
  /**
   * `<run>/<root>/<number>`: the same in every stage, in every execution, and when the record is redriven. What a
   * `flatMap` made of the record shares it.
   */
  readonly id: string;
}

/**
 * What the user's function is given beside its record.
 *
 * @typeParam Params see {@link RunInfo}
 */
export interface StageContext<out Params = TextParams> {
  readonly run: RunInfo<Params>;
  /** The chunk id, for example `42`. */
  readonly chunk: string;
  /** Where in the dataset the record (or the chunk's first record) stands: `line 42 of a.ndjson`. */
  readonly position: string;
  /** 1 the first time, one more after each failure; being busy does not count. */
  readonly attempt: number;
  /** Aborted when the result is no longer wanted: the service stops, or the chunk was lost. */
  readonly signal: AbortSignal;
  /** Carries run, stage and chunk as fields, and `request` with the record's id; in `mapChunk` without it. */
  readonly logger: Logger;
  /** The record's id; of a chunk, that of its first record. */
  readonly request: RequestInfo;
  /**
   * The same whenever this stage works on this record, and different for every other: to be passed on to services that
   * do not do a thing twice. Not in `mapChunk`.
   */
  readonly idempotencyKey: string;
  /**
   * Does something once for this record in this stage, and remembers its result, which JSON must hold or be
   * `undefined`. When the record is worked on again, after a crash, a failure or a redrive, `effect` is not called,
   * and the result is the first one's. What `effect` throws is not remembered. If the process dies after `effect` and
   * before its result is stored, it is called again: pass {@link idempotencyKey} on to the service. Not in `mapChunk`.
   *
   * @param key any text; which one of the stage's effects it is
   * @throws BusyError while the store is away, and the record waits; TerminalError if JSON cannot hold the result
   */
  readonly once: <T>(key: string, effect: () => T | Promise<T>) => Promise<T>;
  /** What is remembered of the record, the run or the pipeline. */
  readonly state: StageState;
  /** Bytes that are too many for a record. Not in `mapChunk`. */
  readonly blobs: StageBlobs;
}

/** Why a record would be given up, as its dead letter would have it. */
export interface RecordFailure {
  /** What the function threw last, or what became of it: `TimedOut`, `ProcessDied`, `InvalidResult`. */
  readonly error: ThrownDescription;
  /** How often the function was tried. */
  readonly attempts: number;
}
