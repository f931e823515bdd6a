import { retryPolicy, type RetryPolicy } from '@leat/core';
import type { output, ZodType } from 'zod';
import type { StageContext } from '../context.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import { demandCount, demandSchema, demandUpstream, invalid } from './check.ts';
import { oneWayPart } from './one-way.ts';
import type { Mapper, Upstream, Work } from './stages.ts';

interface MapperCommon<I extends ZodType, S extends ZodType, P extends ParamsSchema | undefined> {
  /** The stage whose records this one reads. Reading one stage from several is fan-out. */
  readonly from: Upstream<I, P>;
  /** What a result must look like; one that does not is a dead letter. */
  readonly schema: S;
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
  /** When a failing record is tried again, and when it is given up. */
  readonly retry?: Partial<RetryPolicy>;
}

type Result<T> = T | Promise<T>;

/** Exactly one of `map`, `flatMap` and `mapChunk`. */
export type MapperOptions<
  I extends ZodType,
  S extends ZodType,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
> = MapperCommon<I, S, P> &
  (
    | {
        /** One record in, one out. */
        readonly map: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => Result<NoInfer<output<S>>>;
        readonly flatMap?: never;
        readonly mapChunk?: never;
      }
    | {
        /** One record in, none or any number out: a filter, or an expansion. */
        readonly flatMap: (
          record: NoInfer<output<I>>,
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => Result<Iterable<NoInfer<output<S>>>> | AsyncIterable<NoInfer<output<S>>>;
        readonly map?: never;
        readonly mapChunk?: never;
      }
    | {
        /** A whole chunk in, as many records out, in the same order: for vectorised work. */
        readonly mapChunk: (
          records: readonly NoInfer<output<I>>[],
          context: StageContext<ParamsOf<NoInfer<P>>>,
        ) => Result<readonly NoInfer<output<S>>[]>;
        readonly map?: never;
        readonly flatMap?: never;
      }
  );

/**
 * Defines a stage that works on records.
 *
 * @example
 * const zones = mapper('zones', { from: cities, schema: Zone, map: (city) => zoneOf(city) });
 * @throws LeatError `invalid-pipeline`
 */
export function mapper<
  I extends ZodType,
  S extends ZodType,
  P extends ParamsSchema | undefined = undefined,
>(name: string, options: MapperOptions<I, S, P>): Mapper<S, P> {
  const { from, schema, concurrency = 16, threads = 0, timeoutMs, retry } = options;
  demandUpstream(name, from);
  demandSchema(name, schema);
  const oneWay = oneWayPart(schema);
  if (oneWay !== undefined) {
    throw invalid(name, `${oneWay} has a transform, which cannot be undone; use a z.codec instead`);
  }
  demandCount(name, 'concurrency', concurrency);
  if (!Number.isInteger(threads) || threads < 0) {
    throw invalid(name, `threads must be a whole number from 0; it is ${threads}`);
  }
  if (timeoutMs !== undefined) {
    demandCount(name, 'timeoutMs', timeoutMs);
    // Beyond it a timer fires at once.
    if (timeoutMs >= 2 ** 31) {
      throw invalid(name, 'timeoutMs must be less than 2^31 milliseconds (24 days)');
    }
  }
  return {
    kind: 'mapper',
    name,
    from,
    schema,
    work: workOf(name, options),
    concurrency,
    threads,
    timeoutMs,
    retry: retryPolicy(retry),
  };
}

function workOf(name: string, options: object): Work {
  const types = (['map', 'flatMap', 'mapChunk'] as const).filter((type) => type in options);
  const [type] = types;
  if (type === undefined || types.length > 1) {
    throw invalid(
      name,
      `needs exactly one of map, flatMap and mapChunk; it has ${types.join(' and ') || 'none'}`,
    );
  }
  const apply = (options as Record<string, unknown>)[type];
  if (typeof apply !== 'function') throw invalid(name, `${type} must be a function`);
  return { type, apply } as Work;
}
