import type { NumberRule, RetryPolicy } from '@leat/core';
import type { output, ZodType } from 'zod';
import type { RecordFailure, StageContext } from '../context.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import type { From } from './stages.ts';

/** What every mapper may be given. */
export interface MapperCommon<
  I extends ZodType,
  S extends ZodType,
  P extends ParamsSchema | undefined,
> {
  /**
   * The stage whose records this one reads, or several that have the same schema: then it reads the records of all, as
   * they come. Reading one stage from several is fan-out.
   */
  readonly from: From<I, P>;
  /**
   * What a result must look like; one that does not is a dead letter. For `enrich` it is that of the fields that are
   * added. A `filter` has none: its records are those of `from`.
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
  /**
   * Whether it has no queue: the process that has worked on a chunk of `from`, which is another mapper, does this
   * stage, too, before it acknowledges. It spares a hop; both stages are scaled together.
   * @defaultValue `false`; `leat dev` on its own server takes `true` for the only reader of a mapper
   */
  readonly inline?: boolean;
}

/**
 * Gives the result of a record that would be given up, in the place of a dead letter. It is called once, and again only
 * after somebody was busy. What it gives is a result like any other: its schema checks it, and the record counts as
 * neither dead nor filtered. What it throws is the letter's error, with the first error as `cause`;
 * `throw failure.error` leaves the letter as it would have been.
 *
 * @typeParam I the schema of the records that the mapper reads
 * @typeParam P the schema of the run's parameters
 * @typeParam R what it gives: of a `flatMap` any number of results, of the others one
 */
export type Recover<I extends ZodType, P extends ParamsSchema | undefined, R> = (
  record: NoInfer<output<I>>,
  failure: RecordFailure,
  context: StageContext<ParamsOf<NoInfer<P>>>,
) => R;

/** There now or later. */
export type MayWait<T> = T | Promise<T>;

/** What a function gives: what the schema says, or whatever it likes if there is none. */
export type Result<S extends ZodType, T> = [S] extends [never] ? T : NoInfer<output<S>>;
