import {
  checkSpec,
  type DeadTolerance,
  type JoinSpec,
  isDeadTolerance,
  LeatError,
  outputName,
  type PipelineSpec,
  type StageSpec,
} from '@leat/core';
import type { ZodType } from 'zod';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import type { Stores } from '../stores.ts';
import { demandKnown } from './check.ts';
import type { Finally, OnFailure } from './hooks.ts';
import type { Fetcher, Mapper, Saver, Stage } from './stages.ts';

/**
 * A source, stages and sinks. Made by {@link pipeline}; a pipeline file exports it as default.
 *
 * @typeParam P the schema of what its runs are started with; `undefined` where none is declared
 */
export interface Pipeline<out P extends ParamsSchema | undefined = ParamsSchema | undefined> {
  readonly kind: 'pipeline';
  readonly name: string;
  readonly fetcher: Fetcher<ZodType, P>;
  /** The schema of what its runs are started with, as its fetcher declares it; `undefined` if it declares none. */
  readonly params: P;
  /** Every stage, upstream before downstream. */
  readonly stages: readonly Stage[];
  readonly spec: PipelineSpec;
  readonly maxDeadRecords?: DeadTolerance;
  /** Where its stages keep state and blobs; JetStream if absent. */
  readonly stores?: Stores;
  /** Called when a run has failed, with its types erased. */
  readonly onFailure?: OnFailure<unknown>;
  /** Called when a run ends, with its types erased. */
  readonly finally?: Finally<unknown>;
}

export interface PipelineOptions<P extends ParamsSchema | undefined = ParamsSchema | undefined> {
  /** The savers; everything upstream of them belongs to the pipeline. */
  readonly savers: readonly Saver<P>[];
  /**
   * How many records of a run may die before it pauses by itself: a number of records, or a percentage
   * such as `'2%'` of those that are settled, which counts from 1,000 settled records on. What died before
   * a run was resumed is tolerated.
   * @defaultValue none: a run never pauses by itself
   */
  readonly maxDeadRecords?: DeadTolerance;
  /**
   * Where stages keep what `context.once`, `context.state` and `context.blobs` are given.
   * @defaultValue JetStream: the key-value bucket and the object store of the pipeline
   */
  readonly stores?: Stores;
  /**
   * Called when a run ends as `failed`, by its fetcher, before that is written down: at least once, in up to 5 attempts
   * of 60 s. What it throws at last stands in the report, and changes nothing else.
   * @defaultValue none
   */
  readonly onFailure?: OnFailure<ParamsOf<NoInfer<P>>>;
  /**
   * Called when a run ends, however it does, in the same way, and after `onFailure`. Not when `leat cancel` ends a run
   * that no fetcher works on.
   * @defaultValue none
   */
  readonly finally?: Finally<ParamsOf<NoInfer<P>>>;
}

const OPTIONS: Readonly<Record<keyof PipelineOptions, true>> = {
  savers: true,
  maxDeadRecords: true,
  stores: true,
  onFailure: true,
  finally: true,
};

/**
 * Binds savers, and through their `from` everything upstream of them, into a pipeline.
 *
 * @example
 * export default pipeline('cities', { savers: [files] });
 * @throws LeatError `invalid-name` or `invalid-pipeline`
 */
export function pipeline<P extends ParamsSchema | undefined = undefined>(
  name: string,
  options: PipelineOptions<P>,
): Pipeline<P> {
  const stages = new Set<Stage>();
  const read = new Set<string>();
  const visit = (stage: Stage): void => {
    // An ancestor that several share: with joins there would be a visit for each path to it.
    if (stages.has(stage)) return;
    for (const from of stage.kind === 'fetcher' ? [] : stage.from) {
      read.add(from.name);
      visit(from.kind === 'output' ? from.stage : from);
    }
    stages.add(stage);
  };
  const savers: readonly Saver<P>[] | undefined = options?.savers;
  if (
    !Array.isArray(savers) ||
    !savers.every((each) => each?.kind === 'saver') ||
    savers.length === 0
  ) {
    throw new LeatError(
      'invalid-pipeline',
      `The pipeline ${JSON.stringify(name)} needs at least one saver: give it { savers: [saver(…)] }.`,
    );
  }
  demandKnown(`The pipeline ${JSON.stringify(name)}`, options, OPTIONS);
  const { maxDeadRecords, stores } = options;
  if (stores !== undefined && typeof stores?.open !== 'function') {
    throw new LeatError(
      'invalid-pipeline',
      `The pipeline ${JSON.stringify(name)}: stores must be what postgresStores() or memoryStores() gives, or stores of your own with a function "open".`,
    );
  }
  if (maxDeadRecords !== undefined && !isDeadTolerance(maxDeadRecords)) {
    throw new LeatError(
      'invalid-pipeline',
      `The pipeline ${JSON.stringify(name)}: maxDeadRecords must be a whole number from 0, or a percentage such as '2%'; it is ${JSON.stringify(maxDeadRecords)}.`,
    );
  }
  demandHooks(name, options);
  for (const each of savers) visit(each);
  const spec: PipelineSpec = { name, stages: Array.from(stages, (stage) => specOf(stage, read)) };
  checkSpec(spec);
  const first = [...stages].find((stage) => stage.kind === 'fetcher') as Fetcher<ZodType, P>;
  return {
    kind: 'pipeline',
    name,
    fetcher: first,
    params: first.params,
    stages: [...stages],
    spec,
    ...(maxDeadRecords !== undefined && { maxDeadRecords }),
    ...(stores !== undefined && { stores }),
    ...hooksOf(options as HooksOfPipeline),
  };
}

type HooksOfPipeline = Pick<Pipeline, 'onFailure' | 'finally'>;

/** @param options as a file in JavaScript may give them */
function demandHooks(pipelineName: string, options: object): void {
  for (const [hook, value] of Object.entries(hooksOf(options as HooksOfPipeline))) {
    if (typeof value === 'function') continue;
    throw new LeatError(
      'invalid-pipeline',
      `The pipeline ${JSON.stringify(pipelineName)}: ${hook} must be a function; it is ${JSON.stringify(value)}.`,
    );
  }
}

function hooksOf({ onFailure, finally: last }: HooksOfPipeline): HooksOfPipeline {
  return {
    ...(onFailure !== undefined && { onFailure }),
    ...(last !== undefined && { finally: last }),
  };
}

/** @param read what stages read, by its name */
function specOf(stage: Stage, read: ReadonlySet<string>): StageSpec {
  const { name, kind } = stage;
  if (stage.kind === 'fetcher') return { name, kind };
  const [first, ...others] = stage.from.map((each) => each.name) as [string, ...string[]];
  const from = others.length === 0 ? first : [first, ...others];
  const to = stage.kind === 'mapper' ? branchesOf(stage, read) : undefined;
  const join = stage.kind === 'mapper' ? joinOf(stage) : undefined;
  return {
    name,
    kind,
    from,
    ...(stage.inline === true && { inline: true }),
    ...(to && { to }),
    ...(join && { join }),
  };
}

function joinOf({ joins }: Mapper): JoinSpec | undefined {
  return joins && { fork: joins.fork, parts: joins.parts, missing: joins.missing };
}

/** The branches of a route; of the two that a predicate makes, those that are read: the other one counts as filtered. */
function branchesOf(
  { name, work }: Mapper,
  read: ReadonlySet<string>,
): readonly string[] | undefined {
  if (work.type !== 'route') return undefined;
  if (!work.isPredicate) return work.to;
  return work.to.filter((branch) => read.has(outputName(name, branch)));
}
