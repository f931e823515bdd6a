import { type NumberRule, retryPolicy } from '@leat/core';
import { type output, unknown, type ZodType } from 'zod';
import type { StageContext } from '../context.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import {
  demandCount,
  demandInline,
  demandKnown,
  demandNumbers,
  demandSchema,
  demandWritable,
  invalid,
  nameOf,
  usedToWrite,
} from './check.ts';
import type { MapperCommon, MayWait, Recover, Result } from './mapper-common.ts';
import type { EnrichedSchema, EnrichOptions } from './enrich.ts';
import { enrichedSchema } from './enriched-schema.ts';
import { sourcesOf } from './sources.ts';
import type { Mapper, Sources, Work } from './stages.ts';

declare const NOT_INFERRED: unique symbol;
/** Stands for the type of results that no function has given. */
type NotInferred = typeof NOT_INFERRED;

/** The schema of a mapper's records: its own, or one made of the function's type, or that of `from`. */
type SchemaOf<I extends ZodType, S extends ZodType, T> = [S] extends [never]
  ? [T] extends [NotInferred]
    ? I
    : ZodType<T, T>
  : S;

/**
 * Exactly one of `map`, `flatMap`, `filter` and `mapChunk`; for `enrich` see {@link EnrichOptions}.
 *
 * @typeParam I the schema of the records that it reads
 * @typeParam S the schema that is given; `never` if none is
 * @typeParam P the schema of the run's parameters
 * @typeParam T what the function gives, if no schema says so
 * @typeParam R what `recover` gives, if no schema says so
 */
export type MapperOptions<
  I extends ZodType,
  S extends ZodType = never,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
  T = unknown,
  R = T,
> = MapperCommon<I, S, P> &
  (
    | {
        /** One record in, one out. */
        readonly map: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<Result<S, T>>;
        /** The result of a record that would be given up. */
        readonly recover?: Recover<I, P, MayWait<Result<S, R>>>;
        readonly flatMap?: never;
        readonly filter?: never;
        readonly mapChunk?: never;
        readonly enrich?: never;
      }
    | {
        /** One record in, none or any number out. */
        readonly flatMap: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<Iterable<Result<S, T>>> | AsyncIterable<Result<S, T>>;
        /** The results of a record that would be given up. */
        readonly recover?: Recover<
          I,
          P,
          MayWait<Iterable<Result<S, R>>> | AsyncIterable<Result<S, R>>
        >;
        readonly map?: never;
        readonly filter?: never;
        readonly mapChunk?: never;
        readonly enrich?: never;
      }
    | {
        /** Whether a record goes on, byte for byte as it came; one that does not counts as filtered. */
        readonly filter: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<boolean>;
        /** Whether a record that would be given up goes on. */
        readonly recover?: Recover<I, P, MayWait<boolean>>;
        readonly schema?: never;
        readonly map?: never;
        readonly flatMap?: never;
        readonly mapChunk?: never;
        readonly enrich?: never;
      }
    | {
        /** A whole chunk in, as many records out, in the same order: for vectorised work. */
        readonly mapChunk: (
          records: readonly NoInfer<output<I>>[],
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => MayWait<readonly Result<S, T>[]>;
        /** The result of one record that would be given up. */
        readonly recover?: Recover<I, P, MayWait<Result<S, R>>>;
        readonly map?: never;
        readonly flatMap?: never;
        readonly filter?: never;
        readonly enrich?: never;
      }
  );

/** What every mapper may be given, of whatever types. */
type AnyMapper = MapperCommon<ZodType, ZodType, ParamsSchema | undefined> & {
  readonly recover?: unknown;
};

const WORK = { map: true, enrich: true, flatMap: true, filter: true, mapChunk: true } as const;
const OPTIONS: Readonly<Record<keyof AnyMapper, true>> = {
  from: true,
  schema: true,
  numbers: true,
  concurrency: true,
  threads: true,
  timeoutMs: true,
  retry: true,
  inline: true,
  recover: true,
};

/**
 * Defines a stage that works on records.
 *
 * @example
 * const zones = mapper('zones', { from: cities, schema: Zone, map: (city) => zoneOf(city) });
 * @example
 * const large = mapper('large', { from: cities, filter: ({ population }) => population > 1_000_000 });
 * @example
 * const placed = mapper('placed', { from: cities, schema: Zone, enrich: (city) => ({ zone: zoneOf(city) }) });
 * @throws LeatError `invalid-pipeline`
 */
export function mapper<
  I extends ZodType,
  S extends ZodType = never,
  P extends ParamsSchema | undefined = undefined,
  T = object,
  R = never,
>(name: string, options: EnrichOptions<I, S, P, T, R>): Mapper<EnrichedSchema<I, S, T | R>, P>;
export function mapper<
  I extends ZodType,
  S extends ZodType = never,
  P extends ParamsSchema | undefined = undefined,
  T = NotInferred,
  R = never,
>(name: string, options: MapperOptions<I, S, P, T, R>): Mapper<SchemaOf<I, S, T | R>, P>;
export function mapper(name: string, options: AnyMapper): Mapper {
  const { concurrency = 16, threads = 0, timeoutMs, retry, inline } = options;
  const { recover } = options;
  demandKnown(nameOf(name), options, { ...OPTIONS, ...WORK });
  const from = sourcesOf(name, options.from);
  demandInline(name, inline);
  const { numbers = from[0].numbers } = options;
  demandNumbers(name, numbers);
  const given = workOf(name, options);
  const { schema, work } = recordsOf(name, given, { from, schema: options.schema, numbers });
  demandCount(name, 'concurrency', concurrency);
  if (!Number.isInteger(threads) || threads < 0) {
    throw invalid(name, `threads must be a whole number from 0; it is ${threads}`);
  }
  if (timeoutMs !== undefined) demandTimeout(name, timeoutMs);
  if (recover !== undefined && typeof recover !== 'function') {
    throw invalid(name, 'recover must be a function');
  }
  return {
    kind: 'mapper',
    name,
    from,
    schema,
    numbers,
    isInferred: work.type !== 'filter' && options.schema === undefined,
    work,
    concurrency,
    threads,
    timeoutMs,
    retry: retryPolicy(retry),
    inline,
    ...(recover !== undefined && { recover: recover as NonNullable<Mapper['recover']> }),
  };
}

/** As it is given, before it is known what may be added. */
type GivenWork = Exclude<Work, { readonly type: 'enrich' }> | Omit<EnrichWork, 'added'>;
type EnrichWork = Extract<Work, { readonly type: 'enrich' }>;

interface Given {
  readonly from: Sources;
  readonly schema: ZodType | undefined;
  readonly numbers: NumberRule;
}

/** The schema of a mapper's records, and what it does with them. */
function recordsOf(
  name: string,
  work: GivenWork,
  { from, schema, numbers }: Given,
): { readonly schema: ZodType; readonly work: Work } {
  if (work.type === 'filter') {
    demandFilter(name, { from, schema, numbers });
    return { schema: from[0].schema, work };
  }
  if (schema !== undefined) demandSchema(name, schema, usedToWrite(numbers));
  if (work.type === 'enrich') {
    demandWritable(name, from);
    const enriched = enrichedSchema(name, from[0].schema, schema);
    return { schema: enriched.schema, work: { ...work, added: enriched.added } };
  }
  return { schema: schema ?? unknown(), work };
}

function demandFilter(name: string, { from, schema, numbers }: Given): void {
  if (schema !== undefined) {
    throw invalid(name, 'a filter has the schema of the stage that it reads, and no other');
  }
  if (numbers !== from[0].numbers) {
    throw invalid(name, 'a filter has the numbers of the stage that it reads, and no others');
  }
  demandWritable(name, from);
}

function workOf(name: string, options: object): GivenWork {
  const types = Object.keys(WORK).filter((type) => type in options);
  const [type] = types;
  if (type === undefined || types.length > 1) {
    throw invalid(
      name,
      `needs exactly one of map, enrich, flatMap, filter and mapChunk; it has ${types.join(' and ') || 'none'}`,
    );
  }
  const apply = (options as Record<string, unknown>)[type];
  if (typeof apply !== 'function') throw invalid(name, `${type} must be a function`);
  return { type, apply } as GivenWork;
}

function demandTimeout(name: string, timeoutMs: number): void {
  demandCount(name, 'timeoutMs', timeoutMs);
  // Beyond it a timer fires at once.
  if (timeoutMs < 2 ** 31) return;
  throw invalid(name, 'timeoutMs must be less than 2^31 milliseconds (24 days)');
}
