import type { input, output, ZodType } from 'zod';
import type { StageContext } from '../context.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import type { Enriched, FieldsOf } from './enriched.ts';
import type { MapperCommon, MayWait, Recover, Result } from './mapper-common.ts';

/**
 * What a mapper is given that adds fields.
 *
 * @typeParam I the schema of the records that it reads
 * @typeParam S the schema of the fields; `never` if none is given
 * @typeParam P the schema of the run's parameters
 * @typeParam T what the function gives, if no schema says so
 * @typeParam R what `recover` gives, if no schema says so
 */
export interface EnrichOptions<
  I extends ZodType,
  S extends ZodType = never,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
  T = object,
  R = T,
> extends MapperCommon<I, S, P> {
  /**
   * One record in, and what is to be added to it. Its line stays byte for byte: the fields come behind its own. A
   * field of the same name is replaced. With `{}` or nothing it goes on as it is. `schema` is that of the fields.
   */
  readonly enrich: (
    record: NoInfer<output<I>>,
    context: StageContext<ParamsOf<NoInfer<P>>>,
  ) => MayWait<Result<S, T>>;
  /** What is to be added to a record that would be given up. */
  readonly recover?: Recover<I, P, MayWait<Result<S, R>>>;
  readonly map?: never;
  readonly flatMap?: never;
  readonly filter?: never;
  readonly mapChunk?: never;
}

/** The schema of records to which fields are added. */
export type EnrichedSchema<I extends ZodType, S extends ZodType, T> = [S] extends [never]
  ? ZodType<Enriched<output<I>, FieldsOf<T>>, Enriched<FieldsOf<T>, input<I>>>
  : ZodType<Enriched<output<I>, output<S>>, Enriched<input<I>, input<S>>>;
