import { setMaxListeners } from 'node:events';
import {
  identityOf,
  isEnded,
  type LeatError,
  type RunIdentity,
  type RunRequest,
  type RunState,
  type SinkIdentity,
} from '@leat/core';
import type { Pipeline, RunInfo } from '@leat/sdk';
import type { Logger } from '../logger.ts';
import { type GivenRun, givenRunOf, readRun, whyUnfit } from './run-info.ts';
import type { SaidWish } from './run-wishes.ts';
import type { Runs } from './runs.ts';

/** A run that a service works for. */
export interface KnownRun {
  readonly info: RunInfo<unknown>;
  /** It again, to be handed to another process or thread. */
  readonly given: GivenRun;
  /** What tells it from others with its id, and the limits by which its dataset is cut. */
  readonly identity: RunIdentity;
  /** See `RunRequest.isRecovered`. */
  readonly isRecovered: boolean;
  /**
   * The fencing token of the run's lease, as it was known last; 0 if it never was. It rises when another
   * fetcher takes the run over.
   */
  readonly fence: number;
  /** The sink that counts for the stage, as far as the run's progress was seen to know it. */
  readonly sink: SinkIdentity | undefined;
  /** Aborted when the run is cancelled (with LeatError `run-state`), or the service must leave everything. */
  readonly signal: AbortSignal;
}

/** What a service knows of a run, whether it may work on it or not. */
export interface Entry extends Omit<KnownRun, 'info' | 'given'> {
  /** Both absent if this replica may not work on the run, for the reason beside them. */
  readonly info: RunInfo<unknown> | undefined;
  readonly given: GivenRun | undefined;
  readonly unfit: LeatError | undefined;
  readonly cancel: AbortController;
  /** Aborted when the operator says something else, or the run is forgotten here. */
  saidElse: AbortController;
  readonly request: RunRequest;
  /** Whether it had not ended when its progress was last seen. */
  isOpen: boolean;
  /** How often in a row the broker did not know it. */
  misses: number;
  fence: number;
  sink: SinkIdentity | undefined;
  said: SaidWish;
}

/** For which stage runs are looked up, and where. */
export interface LoadOptions {
  readonly runs: Runs;
  readonly pipeline: Pipeline;
  /** The stage that is hosted. */
  readonly stage: string;
  /**
   * Whether the stage has no queue: its chunks are not paused apart from those that they come from.
   * @defaultValue `false`
   */
  readonly isInline?: boolean | undefined;
  /**
   * The one run that is worked on: no fetcher takes receipts of another one here, so that its chunks wait.
   * @defaultValue every run
   */
  readonly only?: string | undefined;
  /** The version of its code; nothing is noted without it. */
  readonly codeVersion?: string | undefined;
  /** The service must leave everything. */
  readonly abort: AbortSignal;
  readonly logger: Logger;
}

/** Reads what the broker knows of a run; `undefined` if it does not know it. */
export async function loadRun(run: string, options: LoadOptions): Promise<Entry | undefined> {
  const { runs, pipeline, stage, abort } = options;
  const request = await runs.get(run);
  if (request === undefined) return undefined;
  const unfit = whyUnfit(request, pipeline);
  const progress = (await runs.progress(run))?.progress;
  if (unfit === undefined) await noteVersion(run, options, progress?.state);
  const cancel = new AbortController();
  const signal = AbortSignal.any([abort, cancel.signal]);
  // Every chunk in hand listens to it.
  setMaxListeners(0, signal);
  const given = unfit === undefined ? givenRunOf(request) : undefined;
  return {
    info: given && readRun(pipeline, given),
    given,
    unfit,
    identity: identityOf(request, pipeline.fetcher),
    isRecovered: request.isRecovered === true,
    cancel,
    signal,
    request,
    isOpen: !isEnded(progress?.state ?? 'pending'),
    misses: 0,
    fence: progress?.fence ?? 0,
    sink: progress?.sinks?.[stage],
    saidElse: new AbortController(),
    said: await runs.wishes.look(run),
  };
}

/** Notes are for people: no work waits because one cannot be written. */
async function noteVersion(
  run: string,
  { runs, stage, codeVersion, logger }: LoadOptions,
  state: RunState = 'pending',
): Promise<void> {
  // What is noted of a run that has ended would stay for ever.
  if (codeVersion === undefined || isEnded(state)) return;
  await runs.notes.addVersion(run, stage, codeVersion).catch((error: unknown) => {
    logger.debug({ err: error, run }, 'version of the code not noted');
  });
}
