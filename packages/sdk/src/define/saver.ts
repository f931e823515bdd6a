import type { input, ZodType } from 'zod';
import type { Sink } from '../contracts.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import { demandKnown, demandUpstream, demandWritable, invalid, nameOf } from './check.ts';
import { type PerRun, perRun } from './per-run.ts';
import type { Saver, Upstream } from './stages.ts';

export interface SaverOptions<
  I extends ZodType,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
> {
  /** The stage whose records are written. */
  readonly from: Upstream<I, P>;
  /** Where the records go, or a function that says so for a run. */
  readonly sink: PerRun<Sink<NoInfer<input<I>>>, ParamsOf<NoInfer<P>>>;
}

const OPTIONS: Readonly<Record<keyof SaverOptions<ZodType>, true>> = { from: true, sink: true };

/**
 * Defines a stage that writes records to a sink.
 *
 * @example
 * export const files = saver('files', { from: zones, sink: ndjsonSink('out') });
 */
export function saver<I extends ZodType, P extends ParamsSchema | undefined = undefined>(
  name: string,
  options: SaverOptions<I, P>,
): Saver<P> {
  const { from, sink } = options;
  demandKnown(nameOf(name), options, OPTIONS);
  demandUpstream(name, from);
  demandWritable(name, from);
  if (sink === undefined) throw invalid(name, 'needs a sink');
  return { kind: 'saver', name, from, sink: perRun(sink) as Saver['sink'] };
}
