import type { input, ZodType } from 'zod';
import type { Sink } from '../contracts.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import { demandInline, demandKnown, demandWritable, invalid, nameOf } from './check.ts';
import { type PerRun, perRun } from './per-run.ts';
import { sourcesOf } from './sources.ts';
import type { From, Saver } from './stages.ts';

export interface SaverOptions<
  I extends ZodType,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
> {
  /** The stage whose records are written, or several that have the same schema. */
  readonly from: From<I, P>;
  /** Where the records go, or a function that says so for a run. */
  readonly sink: PerRun<Sink<NoInfer<input<I>>>, ParamsOf<NoInfer<P>>>;
  /**
   * Whether it has no queue: the process that has worked on a chunk of `from`, which is a mapper, saves it before it
   * acknowledges. It spares a hop; mapper and saver are scaled together, and a sink that is away holds the mapper.
   * @defaultValue `false`; `leat dev` on its own server takes `true` for the only reader of a mapper
   */
  readonly inline?: boolean;
}

const OPTIONS: Readonly<Record<keyof SaverOptions<ZodType>, true>> = {
  from: true,
  sink: true,
  inline: true,
};

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
  const { sink, inline } = options;
  demandKnown(nameOf(name), options, OPTIONS);
  const from = sourcesOf(name, options.from) as Saver<P>['from'];
  demandWritable(name, from);
  demandInline(name, inline);
  if (sink === undefined) throw invalid(name, 'needs a sink');
  return { kind: 'saver', name, from, inline, sink: perRun(sink) as Saver['sink'] };
}
