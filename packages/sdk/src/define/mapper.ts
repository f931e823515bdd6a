import { LeatError, retryPolicy, type RetryPolicy } from '@leat/core';
import type { input, output, ZodType } from 'zod';
import type { StageContext } from '../context.ts';
import type { RunInfo, Sink, Source } from '../contracts.ts';
import { oneWayPart } from './one-way.ts';

/** A stage whose records others can read. `S` is the schema of those records. */
export type Upstream<S extends ZodType = ZodType> = Fetcher<S> | Mapper<S>;

/** Any stage. */
export type Stage = Fetcher | Mapper | Saver;

/** The stage that cuts the dataset into chunks. Made by {@link fetcher}. */
export interface Fetcher<out S extends ZodType = ZodType> {
  readonly kind: 'fetcher';
  readonly name: string;
  readonly schema: S;
  readonly source: (run: RunInfo) => Source<unknown>;
  readonly chunkSize: number;
  readonly maxBytes: number;
  readonly window: number;
}

/** What a mapper does with its records; the user's function with its types erased. */
export type Work =
  | { readonly type: 'map'; readonly apply: (record: unknown, context: StageContext) => unknown }
  | {
      readonly type: 'flatMap';
      readonly apply: (record: unknown, context: StageContext) => unknown;
    }
  | {
      readonly type: 'mapChunk';
      readonly apply: (records: readonly unknown[], context: StageContext) => unknown;
    };

/** A stage that works on records. Made by {@link mapper}. */
export interface Mapper<out S extends ZodType = ZodType> {
  readonly kind: 'mapper';
  readonly name: string;
  readonly from: Upstream;
  readonly schema: S;
  readonly work: Work;
  readonly concurrency: number;
  readonly threads: number;
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPolicy;
}

/** A stage that writes records to a sink. Made by {@link saver}. */
export interface Saver {
  readonly kind: 'saver';
  readonly name: string;
  readonly from: Upstream;
  readonly sink: (run: RunInfo) => Sink<never>;
}

/** Either a value, or a function that makes it for a run (to read `run.params`). */
type PerRun<T> = T | ((run: RunInfo) => T);

export interface FetcherOptions<S extends ZodType> {
  /** Where the records come from, or a function that says so for a run. */
  readonly source: PerRun<Source<NoInfer<input<S>>>>;
  /** What a record must look like. The first stage that reads a record checks it. */
  readonly schema: S;
  /**
   * Records in a chunk, the unit of transfer, retry and tracking. About a second of work is good.
   * @defaultValue `100`
   */
  readonly chunkSize?: number;
  /**
   * Most bytes in a chunk; a larger record travels alone.
   * @defaultValue `524_288` (512 KiB)
   */
  readonly maxBytes?: number;
  /**
   * Most chunks in flight, from the fetcher to the last saver. Enough to keep every replica busy. There are
   * never more than the ledger has room for: some 40,000 where a message may have 1 MiB.
   * @defaultValue `1_000`
   */
  readonly window?: number;
}

/**
 * Defines the stage that cuts a dataset into chunks.
 *
 * @example
 * const cities = fetcher('cities', { source: jsonArray('cities.json'), schema: City });
 * @throws LeatError `invalid-pipeline`
 */
export function fetcher<S extends ZodType>(name: string, options: FetcherOptions<S>): Fetcher<S> {
  const { source, schema, chunkSize = 100, maxBytes = 512 * 1024, window = 1_000 } = options;
  if (source === undefined) throw invalid(name, 'needs a source');
  demandSchema(name, schema);
  demandCount(name, 'chunkSize', chunkSize);
  demandCount(name, 'maxBytes', maxBytes);
  demandCount(name, 'window', window);
  return { kind: 'fetcher', name, schema, source: perRun(source), chunkSize, maxBytes, window };
}

interface MapperCommon<I extends ZodType, S extends ZodType> {
  /** The stage whose records this one reads. Reading one stage from several is fan-out. */
  readonly from: Upstream<I>;
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
export type MapperOptions<I extends ZodType, S extends ZodType> = MapperCommon<I, S> &
  (
    | {
        /** One record in, one out. */
        readonly map: (
          record: NoInfer<output<I>>,
          context: StageContext,
        ) => Result<NoInfer<output<S>>>;
        readonly flatMap?: never;
        readonly mapChunk?: never;
      }
    | {
        /** One record in, none or any number out: a filter, or an expansion. */
        readonly flatMap: (
          record: NoInfer<output<I>>,
          context: StageContext,
        ) => Result<Iterable<NoInfer<output<S>>>> | AsyncIterable<NoInfer<output<S>>>;
        readonly map?: never;
        readonly mapChunk?: never;
      }
    | {
        /** A whole chunk in, as many records out, in the same order: for vectorised work. */
        readonly mapChunk: (
          records: readonly NoInfer<output<I>>[],
          context: StageContext,
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
export function mapper<I extends ZodType, S extends ZodType>(
  name: string,
  options: MapperOptions<I, S>,
): Mapper<S> {
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

export interface SaverOptions<I extends ZodType> {
  /** The stage whose records are written. */
  readonly from: Upstream<I>;
  /** Where the records go, or a function that says so for a run. */
  readonly sink: PerRun<Sink<NoInfer<input<I>>>>;
}

/**
 * Defines a stage that writes records to a sink.
 *
 * @example
 * export const files = saver('files', { from: zones, sink: ndjsonSink('out') });
 */
export function saver<I extends ZodType>(name: string, options: SaverOptions<I>): Saver {
  const { from, sink } = options;
  demandUpstream(name, from);
  if (sink === undefined) throw invalid(name, 'needs a sink');
  return { kind: 'saver', name, from, sink: perRun(sink) as (run: RunInfo) => Sink<never> };
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

function perRun<T>(given: PerRun<T>): (run: RunInfo) => T {
  return typeof given === 'function' ? (given as (run: RunInfo) => T) : () => given;
}

/** Files in JavaScript, and values that a cast let through. */
function demandUpstream(stage: string, from: Upstream | undefined): void {
  if (from?.kind === 'fetcher' || from?.kind === 'mapper') return;
  throw invalid(stage, 'reads from nothing: from must be a fetcher or a mapper');
}

function demandSchema(stage: string, schema: ZodType | undefined): void {
  if (typeof schema?.safeParse === 'function') return;
  throw invalid(stage, 'needs a schema made by zod');
}

function demandCount(stage: string, option: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw invalid(stage, `${option} must be a whole number from 1; it is ${value}`);
}

function invalid(stage: string, sentence: string): LeatError {
  return new LeatError('invalid-pipeline', `The stage ${JSON.stringify(stage)}: ${sentence}.`);
}
