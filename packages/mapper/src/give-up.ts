import { type BranchFailure, depthOfFailures, newExecution, type PipelineSpec } from '@leat/core';
import {
  bury,
  type ChunkTelemetry,
  type DeadRecord,
  type Envelope,
  type Publishing,
  shortened,
} from '@leat/runtime';

export interface GiveUpOptions {
  readonly connection: Publishing;
  readonly spec: PipelineSpec;
  /** The name of the stage that gives records up. */
  readonly stage: string;
  /** Aborted when the process must end at once. */
  readonly abort: AbortSignal;
}

/** A record that is given up. */
export interface LostRecord {
  readonly record: DeadRecord;
  /** Where it is in the chunk that was forked, if the stage is in a branch. */
  readonly place: number;
}

/** What has become of records that were given up. */
export interface GivenUp {
  /** The executions that have buried records of the chunk so far. */
  readonly buried: readonly string[];
  readonly failures: readonly BranchFailure[];
  /** How many have a letter of their own now, and how many the join makes letters of: they count as filtered until then. */
  readonly counts: { readonly dead: number; readonly filtered: number };
}

/**
 * Gives records up: a dead letter for each, which is stored when this ends; in a branch their failures go along with
 * the chunk, because the join is to make one letter of a record, whatever branches have given it up.
 */
export async function giveUp(
  { connection, spec, stage, abort }: GiveUpOptions,
  envelope: Envelope,
  telemetry: Pick<ChunkTelemetry, 'buried'>,
  lost: readonly LostRecord[],
): Promise<GivenUp> {
  const { buried = [], failures = [] } = envelope;
  if (lost.length === 0) return { buried, failures, counts: { dead: 0, filtered: 0 } };
  const depth = depthOfFailures(spec, stage);
  if (depth !== undefined) {
    const failed = lost.map((each) => failureOf(stage, depth, each));
    const counts = { dead: 0, filtered: lost.length };
    return { buried, failures: [...failures, ...failed], counts };
  }
  const execution = newExecution(Math.random());
  const records = lost.map(({ record }) => record);
  await bury(connection, { stage, chunk: envelope, execution }, records, abort);
  telemetry.buried(records);
  return { buried: [...buried, execution], failures, counts: { dead: lost.length, filtered: 0 } };
}

/** What goes along with the chunk of a record that a branch has given up. */
export function failureOf(
  stage: string,
  depth: number,
  { record: { attempts, error, branch = stage }, place }: LostRecord,
): BranchFailure {
  return { depth, place, stage: branch, attempts, error: shortened(error) };
}
