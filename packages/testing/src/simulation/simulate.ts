import { type GivenParams, LeatError } from '@leat/core';
import { readRun } from '@leat/runtime';
import type { Pipeline } from '@leat/sdk';
import pLimit from 'p-limit';
import { foreknow } from './foreknown.ts';
import { type Outcome, simulateSeed } from './simulate-seed.ts';
import { drawFor } from './user-scenario.ts';

/** How often a slow function may be called again for nothing, because somebody died. */
const REPEATS = 20;
/** The lines of the trace that the message of a failure has. */
const LAST_LINES = 30;

export interface SimulateOptions {
  /** The dataset, in the place of the pipeline's source: records as they stand in the JSON, at least one. */
  readonly records: readonly unknown[];
  /**
   * The run's parameters, for `context.run.params`.
   * @defaultValue none
   */
  readonly params?: GivenParams;
  /**
   * How many seeds are tried. Each is a run of its own, with its own failures.
   * @defaultValue `100`
   */
  readonly seeds?: number;
  /**
   * The first seed.
   * @defaultValue `1`
   */
  readonly from?: number;
}

/** What the runs went through. */
export interface SimulationReport {
  readonly seeds: number;
  /** How often something went wrong on purpose, other than with a single message. */
  readonly faults: number;
  /** How often a process was killed or stopped. */
  readonly deaths: number;
  readonly records: number;
  /** How long all runs took, in virtual milliseconds. */
  readonly virtualMs: number;
}

/** A seed whose run did not end as it must. */
export class SimulationFailure extends Error {
  override readonly name: string = 'SimulationFailure';
  readonly seed: number;
  /** What should not have happened. */
  readonly violations: readonly string[];
  /** What happened, line by line. */
  readonly trace: string;

  constructor({ seed, violations, trace }: Outcome) {
    const last = trace.split('\n').slice(-LAST_LINES).join('\n');
    super(
      `Seed ${seed}: ${violations.join('\n')}\n\nThe end of what happened (error.trace has all of it):\n${last}\n\nTo run this seed again: simulate(pipeline, { …, from: ${seed}, seeds: 1 })`,
    );
    this.seed = seed;
    this.violations = violations;
    this.trace = trace;
  }
}

/** One simulation at a time: they share the globals of the process, and the transport of the NATS client. */
const oneByOne = pLimit(1);

/**
 * Runs a pipeline through failures that a seed draws, and checks that its sinks hold what they must: what a
 * plain evaluation of its functions gives, each record once. The services are the real ones, over a model of
 * JetStream, in virtual time: processes are killed, stopped and paused, the server restarts and forgets,
 * messages are lost and doubled, the sink goes away, and people make mistakes.
 *
 * The given records take the place of the source, and a sink in memory that of each sink. `threads`,
 * `timeoutMs`, `chunkSize`, `window` and `maxDeadRecords` have no effect: chunks, replicas and limits are drawn.
 *
 * Mappers' functions must give the same result for the same record, whatever came before it, and may wait
 * only on timers: `Date`, `setTimeout`, `setInterval`, `performance.now`, `Math.random` and `randomUUID` are
 * virtual for them, and for nothing else in the process.
 *
 * @throws SimulationFailure with the first seed whose run does not end as it must
 * @throws LeatError `invalid-pipeline` if a function gives another result the second time, or waits for
 * something that is no timer; `invalid-configuration` if there are no records, or the parameters do not fit
 * the pipeline's schema
 */
export function simulate(pipeline: Pipeline, options: SimulateOptions): Promise<SimulationReport> {
  return oneByOne(() => simulateAll(pipeline, options));
}

async function simulateAll(
  pipeline: Pipeline,
  { records, params = {}, seeds = 100, from = 1 }: SimulateOptions,
): Promise<SimulationReport> {
  if (records.length === 0) {
    throw new LeatError('invalid-configuration', 'simulate needs at least one record.');
  }
  const run = readRun(pipeline, { id: 'run', pipeline: pipeline.name, params });
  const foreknown = await foreknow(pipeline, records, run);
  const draw = drawFor(pipeline, params, foreknown);
  const sums = { faults: 0, deaths: 0, records: 0, virtualMs: 0 };
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = await simulateSeed(seed, draw, { extraMs: REPEATS * foreknown.tookMs });
    if (outcome.violations.length > 0) throw new SimulationFailure(outcome);
    sums.faults += outcome.faults;
    sums.deaths += outcome.deaths;
    sums.records += outcome.records;
    sums.virtualMs += outcome.virtualMs;
  }
  return { seeds, ...sums };
}
