import { type NumberRule, retryPolicy, type RetryPolicy } from '@leat/core';
import { type output, unknown, type ZodType } from 'zod';
import type { StageContext } from '../context.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import {
  demandCount,
  demandKnown,
  demandNumbers,
  demandSchema,
  demandUpstream,
  demandWritable,
  invalid,
  nameOf,
  usedToWrite,
} from './check.ts';
import type { Mapper, Upstream, Work } from './stages.ts';

interface MapperCommon<I extends ZodType, S extends ZodType, P extends ParamsSchema | undefined> {
  /** The stage whose records this one reads. Reading one stage from several is fan-out. */
  readonly from: Upstream<I, P>;
  /**
   * What a result must look like; one that does not is a dead letter. A `filter` has none: its records are
   * those of `from`.
   * @defaultValue none: the type of a result is that of the function, and it is only checked to be JSON
   */
  readonly schema?: S;
  /**
   * What becomes of numbers in its results that JavaScript cannot hold exactly, as of a fetcher: with `'bigint'`
   * a result may have a `BigInt`, which is written as a number. How it reads its own records is said by `from`.
   * @defaultValue that of `from`
   */
  readonly numbers?: NumberRule;
  /**
   * How many records are worked on at the same time, in each thread.
   * @defaultValue `16`
   */
  readonly concurrency?: number;
  /**
   * Worker threads to run the function in, for work that keeps a core busy. With 0 it runs in the
   * service's own thread, which is cheapest for work that mostly waits.
   * @defaultValue `0`
   */
  readonly threads?: number;
  /**
   * The longest that one chunk may be worked on, in milliseconds. One that takes longer is halved until
   * the record that does stands alone; it becomes a dead letter with the name `TimedOut`. What counts is
   * the time during which the function runs for the chunk: not what is waited after failures, and from
   * the beginning again when somebody was busy.
   * @defaultValue none: a chunk may take as long as it likes
   */
  readonly timeoutMs?: number;
  /**
   * When a failing record is tried again, and when it is given up. A number is short for `{ attempts }`.
   * @defaultValue 5 attempts: see `RetryPolicy`
   */
  readonly retry?: Partial<RetryPolicy> | number;
}

type MayWait<T> = T | Promise<T>;

declare const NOT_INFERRED: unique symbol;
/** Stands for the type of results that no function has given. */
type NotInferred = typeof NOT_INFERRED;

/** What a function gives: what the schema says, or whatever it likes if there is none. */
type Result<S extends ZodType, T> = [S] extends [never] ? T : NoInfer<output<S>>;

/** The schema of a mapper's records: its own, or one made of the function's type, or that of `from`. */
type SchemaOf<I extends ZodType, S extends ZodType, T> = [S] extends [never]
  ? [T] extends [NotInferred]
    ? I
    : ZodType<T, T>
  : S;

/**
 * Exactly one of `map`, `flatMap`, `filter` and `mapChunk`.
 *
 * @typeParam I the schema of the records that it reads
 * @typeParam S the schema that is given; `never` if none is
 * @typeParam P the schema of the run's parameters
 * @typeParam T what the function gives, if no schema says so
 */
export type MapperOptions<
  I extends ZodType,
  S extends ZodType = never,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
  T = unknown,
> = MapperCommon<I, S, P> &
  (
    | {
        /** One record in, one out. */
        readonly map: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<Result<S, T>>;
        readonly flatMap?: never;
        readonly filter?: never;
        readonly mapChunk?: never;
      }
    | {
        /** One record in, none or any number out. */
        readonly flatMap: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<Iterable<Result<S, T>>> | AsyncIterable<Result<S, T>>;
        readonly map?: never;
        readonly filter?: never;
        readonly mapChunk?: never;
      }
    | {
        /** Whether a record goes on, byte for byte as it came; one that does not counts as filtered. */
        readonly filter: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<boolean>;
        readonly schema?: never;
        readonly map?: never;
        readonly flatMap?: never;
        readonly mapChunk?: never;
      }
    | {
        /** A whole chunk in, as many records out, in the same order: for vectorised work. */
        readonly mapChunk: (
          records: readonly NoInfer<output<I>>[],
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<readonly Result<S, T>[]>;
        readonly map?: never;
        readonly flatMap?: never;
        readonly filter?: never;
      }
  );

const WORK = { map: true, flatMap: true, filter: true, mapChunk: true } as const;
const OPTIONS: Readonly<Record<keyof MapperCommon<ZodType, ZodType, undefined>, true>> = {
  from: true,
  schema: true,
  numbers: true,
  concurrency: true,
  threads: true,
  timeoutMs: true,
  retry: true,
};

/**
 * Defines a stage that works on records.
 *
 * @example
 * const zones = mapper('zones', { from: cities, schema: Zone, map: (city) => zoneOf(city) });
 * @example
 * const large = mapper('large', { from: cities, filter: ({ population }) => population > 1_000_000 });
 * @throws LeatError `invalid-pipeline`
 */
export function mapper<
  I extends ZodType,
  S extends ZodType = never,
  P extends ParamsSchema | undefined = undefined,
  T = NotInferred,
>(name: string, options: MapperOptions<I, S, P, T>): Mapper<SchemaOf<I, S, T>, P> {
  const { from, concurrency = 16, threads = 0, timeoutMs, retry } = options;
  demandKnown(nameOf(name), options, { ...OPTIONS, ...WORK });
  demandUpstream(name, from);
  const { numbers = from.numbers } = options;
  demandNumbers(name, numbers);
  const work = workOf(name, options);
  const schema = schemaOf(name, work, { from, schema: options.schema, numbers });
  demandCount(name, 'concurrency', concurrency);
  if (!Number.isInteger(threads) || threads < 0) {
    throw invalid(name, `threads must be a whole number from 0; it is ${threads}`);
  }
  if (timeoutMs !== undefined) demandTimeout(name, timeoutMs);
  return {
    kind: 'mapper',
    name,
    from,
    schema: schema as SchemaOf<I, S, T>,
    numbers,
    isInferred: work.type !== 'filter' && options.schema === undefined,
    work,
    concurrency,
    threads,
    timeoutMs,
    retry: retryPolicy(retry),
  };
}

/** The schema of a mapper's records. */
function schemaOf(
  name: string,
  { type }: Work,
  {
    from,
    schema,
    numbers,
  }: {
    readonly from: Upstream;
    readonly schema: ZodType | undefined;
    readonly numbers: NumberRule;
  },
): ZodType {
  if (type === 'filter' && schema !== undefined) {
    throw invalid(name, 'a filter has the schema of the stage that it reads, and no other');
  }
  if (type === 'filter' && numbers !== from.numbers) {
    throw invalid(name, 'a filter has the numbers of the stage that it reads, and no others');
  }
  if (type === 'filter') {
    demandWritable(name, from);
    return from.schema;
  }
  if (schema === undefined) return unknown();
  demandSchema(name, schema, usedToWrite(numbers));
  return schema;
}

function workOf(name: string, options: object): Work {
  const types = Object.keys(WORK).filter((type) => type in options);
  const [type] = types;
  if (type === undefined || types.length > 1) {
    throw invalid(
      name,
      `needs exactly one of map, flatMap, filter and mapChunk; it has ${types.join(' and ') || 'none'}`,
    );
  }
  const apply = (options as Record<string, unknown>)[type];
  if (typeof apply !== 'function') throw invalid(name, `${type} must be a function`);
  return { type, apply } as Work;
}

function demandTimeout(name: string, timeoutMs: number): void {
  demandCount(name, 'timeoutMs', timeoutMs);
  // Beyond it a timer fires at once.
  if (timeoutMs < 2 ** 31) return;
  throw invalid(name, 'timeoutMs must be less than 2^31 milliseconds (24 days)');
}
