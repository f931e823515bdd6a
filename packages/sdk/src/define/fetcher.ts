import type { input, ZodType } from 'zod';
import type { Source } from '../contracts.ts';
import { demandCount, demandSchema, invalid } from './check.ts';
import { type PerRun, perRun } from './per-run.ts';
import type { Fetcher } from './stages.ts';

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
