import type { NumberRule } from '@leat/core';
import type { input, ZodType } from 'zod';
import type { Source } from '../contracts.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import {
  demandCount,
  demandKnown,
  demandNumbers,
  demandParams,
  demandSchema,
  invalid,
  nameOf,
} from './check.ts';
import { type PerRun, perRun } from './per-run.ts';
import type { Fetcher } from './stages.ts';

export interface FetcherOptions<
  S extends ZodType,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
> {
  /** Where the records come from, or a function that says so for a run. */
  readonly source: PerRun<Source<NoInfer<input<S>>>, ParamsOf<NoInfer<P>>>;
  /** What a record must look like. The first stage that reads a record checks it. */
  readonly schema: S;
  /**
   * What becomes of a number that JavaScript cannot hold exactly (a whole one beyond 2^53, more digits than a double
   * has, `1e400`), for all stages that read these records. `'exact'`: the record is a dead letter that names the
   * field. `'text'`: it is read as the text that stands there; `z.coerce.string()` makes text of its neighbours, too.
   * `'bigint'`: a whole one is read as a `BigInt`, and one is written as a number; `z.coerce.bigint()` makes one of
   * any whole number. `'lossy'`: it is rounded, as `JSON.parse` does.
   * @defaultValue `'exact'`
   */
  readonly numbers?: NumberRule;
  /**
   * What runs of the pipeline are started with: a `z.object` with a schema for each parameter. It is checked
   * by the one who starts a run, and again by every service that works on it. `run.params` has its output, in
   * this source and in all stages that read from it. Text that its schema does not take is read as JSON, so
   * that `--param count=3` fits `z.int()`.
   * @defaultValue none: any parameter may be given, and each is text
   */
  readonly params?: P;
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
   * The limit for the chunks in flight, from the fetcher to the last saver. Below it their number follows what
   * the replicas hold that are there: about twice as much. There are never more than the ledger has room for:
   * some 40,000 where a message may have 1 MiB.
   * @defaultValue `4_000`: what two queues take
   */
  readonly window?: number;
}

const OPTIONS: Readonly<Record<keyof FetcherOptions<ZodType>, true>> = {
  params: true,
  source: true,
  schema: true,
  numbers: true,
  chunkSize: true,
  maxBytes: true,
  window: true,
};

/**
 * Defines the stage that cuts a dataset into chunks, and what its runs are started with.
 *
 * @example
 * const cities = fetcher('cities', { source: jsonArray('cities.json'), schema: City });
 * @example
 * const orders = fetcher('orders', {
 *   params: z.object({ file: z.string().default('orders.csv') }),
 *   source: ({ params }) => csv(params.file),
 *   schema: Order,
 * });
 * @throws LeatError `invalid-pipeline`
 */
export function fetcher<S extends ZodType, P extends ParamsSchema | undefined = undefined>(
  name: string,
  options: FetcherOptions<S, P>,
): Fetcher<S, P> {
  const { source, schema, numbers = 'exact' } = options;
  const { chunkSize = 100, maxBytes = 512 * 1024, window = 4_000 } = options;
  const params = options.params as P;
  demandKnown(nameOf(name), options, OPTIONS);
  if (source === undefined) throw invalid(name, 'needs a source');
  if (typeof source !== 'function' && typeof source?.chunks !== 'function') {
    throw invalid(
      name,
      `source must be what a source such as ndjsonSource() gives, or a function that gives one; it is ${JSON.stringify(source)}`,
    );
  }
  demandNumbers(name, numbers);
  demandSchema(name, schema, 'read');
  demandCount(name, 'chunkSize', chunkSize);
  demandCount(name, 'maxBytes', maxBytes);
  demandCount(name, 'window', window);
  demandParams(name, params);
  return {
    kind: 'fetcher',
    name,
    schema,
    numbers,
    params,
    source: perRun(source),
    chunkSize,
    maxBytes,
    window,
  };
}
