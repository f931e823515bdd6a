import type { JoinSpec, NumberRule, RetryPolicy } from '@leat/core';
import type { ZodType } from 'zod';
import type { RecordFailure, StageContext } from '../context.ts';
import type { RunInfo, Sink, Source } from '../contracts.ts';
import type { ParamsSchema, TextParams } from '../params.ts';

/** Whether the parameters of runs have a schema. */
type Params = ParamsSchema | undefined;

/** A stage whose records others can read. `S` is the schema of those records, `P` that of the run's parameters. */
export type Upstream<S extends ZodType = ZodType, P extends Params = Params> =
  | Fetcher<S, P>
  | Mapper<S, P>
  | Output<S, P>;

/** A branch of a route, which has the records that take it. Made by {@link route}, {@link when} and {@link otherwise}. */
export interface Output<out S extends ZodType = ZodType, out P extends Params = Params> {
  readonly kind: 'output';
  /** `triage#big`: the name of the route, and of the branch. */
  readonly name: string;
  /** The name of the branch. */
  readonly branch: string;
  readonly stage: Mapper<S, P>;
  /** That of the records that the route reads. */
  readonly schema: S;
  /** How numbers in its records are read. */
  readonly numbers: NumberRule;
}

/** A route. What it reads is read further by its branches: `from: triage.to.big`. Made by {@link route}. */
export interface Route<
  S extends ZodType = ZodType,
  K extends string = string,
  P extends Params = Params,
> {
  readonly kind: 'route';
  readonly name: string;
  readonly to: Readonly<Record<K, Output<S, P>>>;
}

/** What a stage reads: one stage, or several whose records have the same schema. */
export type From<S extends ZodType = ZodType, P extends Params = Params> =
  | Upstream<S, P>
  | readonly Upstream<S, P>[];

/** What a stage reads, one or more. */
export type Sources<P extends Params = Params> = readonly [
  Upstream<ZodType, P>,
  ...Upstream<ZodType, P>[],
];

/** Any stage. */
export type Stage = Fetcher | Mapper | Saver;

/** The stage that cuts the dataset into chunks. Made by {@link fetcher}. */
export interface Fetcher<out S extends ZodType = ZodType, out P extends Params = Params> {
  readonly kind: 'fetcher';
  readonly name: string;
  readonly schema: S;
  /** How numbers in its records are read. */
  readonly numbers: NumberRule;
  readonly params: P;
  readonly source: (run: RunInfo<unknown>) => Source<unknown>;
  readonly chunkSize: number;
  readonly maxBytes: number;
  readonly window: number;
}

/** What a mapper that enriches may add. */
export interface AddedFields {
  /** What is added must fit it. */
  readonly schema: ZodType;
  /** Whether none was given: then it is only for the fields that records may have already. */
  readonly isInferred: boolean;
  /** The names of those. */
  readonly known: ReadonlySet<string>;
}

/** What a mapper does with its records; the user's function with its types erased. */
export type Work =
  | {
      readonly type: 'map';
      readonly apply: (record: unknown, context: StageContext<unknown>) => unknown;
    }
  | {
      readonly type: 'flatMap';
      readonly apply: (record: unknown, context: StageContext<unknown>) => unknown;
    }
  | {
      readonly type: 'filter';
      readonly apply: (record: unknown, context: StageContext<unknown>) => unknown;
    }
  | {
      readonly type: 'enrich';
      readonly apply: (record: unknown, context: StageContext<unknown>) => unknown;
      readonly added: AddedFields;
    }
  | RouteWork
  | {
      readonly type: 'mapChunk';
      readonly apply: (records: readonly unknown[], context: StageContext<unknown>) => unknown;
    };

/** What a route does: it says which branches a record takes, which goes on byte for byte. */
export interface RouteWork {
  readonly type: 'route';
  readonly apply: (record: unknown, context: RouteContext<unknown>) => unknown;
  readonly to: readonly string[];
  /** What becomes of a record that takes no branch. */
  readonly otherwise: 'filter' | 'dead';
  /** Whether its function says yes or no, for the first branch or the second, as that of {@link when}. */
  readonly isPredicate: boolean;
}

/**
 * What a route's function is given beside its record.
 *
 * @typeParam GivenParams see {@link RunInfo}
 */
export interface RouteContext<out GivenParams = TextParams> {
  readonly run: RunInfo<GivenParams>;
}

/** A stage that works on records. Made by {@link mapper}, or, where it divides them among branches, by {@link route}. */
export interface Mapper<out S extends ZodType = ZodType, out P extends Params = Params> {
  readonly kind: 'mapper';
  readonly name: string;
  /** What it reads; all have the same schema, and read numbers alike. */
  readonly from: Sources<P>;
  /** Its own; that of `from` for a filter, with fields added for `enrich`; one that takes anything if none was given. */
  readonly schema: S;
  /** How numbers in its records are read, and whether they may be a `BigInt`; that of `from` unless given. */
  readonly numbers: NumberRule;
  /** Whether no schema was given: results are only checked to be JSON. */
  readonly isInferred: boolean;
  readonly work: Work;
  readonly concurrency: number;
  readonly threads: number;
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPolicy;
  /** Whether it has no queue; `undefined` if its author does not say. */
  readonly inline: boolean | undefined;
  /** Gives the result of a record that would be given up; absent where it becomes a dead letter. */
  readonly recover?:
    | ((record: unknown, failure: RecordFailure, context: StageContext<unknown>) => unknown)
    | undefined;
  /** What it puts together; only of one made by {@link join}. */
  readonly joins?: Joins;
}

/** What a join puts together, and how it reads that. */
export interface Joins extends JoinSpec {
  /** An object with a field for each part. */
  readonly schema: ZodType;
  readonly numbers: NumberRule;
}

/** A stage that writes records to a sink. Made by {@link saver}. */
export interface Saver<out P extends Params = Params> {
  readonly kind: 'saver';
  readonly name: string;
  /** What it reads; all have the same schema, and read numbers alike. */
  readonly from: Sources<P>;
  /** Whether it has no queue; `undefined` if its author does not say. */
  readonly inline: boolean | undefined;
  readonly sink: (run: RunInfo<unknown>) => Sink<never>;
}
