import type { NumberRule, RetryPolicy } from '@leat/core';
import type { ZodType } from 'zod';
import type { StageContext } from '../context.ts';
import type { RunInfo, Sink, Source } from '../contracts.ts';
import type { ParamsSchema } from '../params.ts';

/** Whether the parameters of runs have a schema. */
type Params = ParamsSchema | undefined;

/** A stage whose records others can read. `S` is the schema of those records, `P` that of the run's parameters. */
export type Upstream<S extends ZodType = ZodType, P extends Params = Params> =
  | Fetcher<S, P>
  | Mapper<S, P>;

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
  | {
      readonly type: 'mapChunk';
      readonly apply: (records: readonly unknown[], context: StageContext<unknown>) => unknown;
    };

/** A stage that works on records. Made by {@link mapper}. */
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
