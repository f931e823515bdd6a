import { checkName, DEFAULT_RETRY_POLICY, outputName } from '@leat/core';
import type { output, ZodType } from 'zod';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import { demandKnown, demandWritable, invalid, nameOf } from './check.ts';
import { sourcesOf } from './sources.ts';
import type { From, Mapper, Output, Route, RouteContext, RouteWork, Sources } from './stages.ts';

/**
 * What a route is given.
 *
 * @typeParam I the schema of the records that it reads
 * @typeParam K the names of its branches
 * @typeParam P the schema of the run's parameters
 */
export interface RouteOptions<
  I extends ZodType,
  K extends string,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
> {
  /** The stage whose records are divided among branches, or several that have the same schema. */
  readonly from: From<I, P>;
  /** The names of the branches. Each has to be read by a stage. */
  readonly to: readonly K[];
  /**
   * Which branch a record takes, or which ones; `undefined` for none. It must be a function of the record alone, and
   * answer at once: a record is asked again when its chunk is. What it throws makes a dead letter of the record.
   */
  readonly pick: (
    record: NoInfer<output<I>>,
    context: RouteContext<ParamsOf<NoInfer<P>>>,
  ) => NoInfer<K> | readonly NoInfer<K>[] | undefined;
  /** What becomes of a record that takes no branch: it counts as filtered, or it is a dead letter `NoBranch`. */
  readonly otherwise: 'filter' | 'dead';
}

const OPTIONS: Readonly<Record<keyof RouteOptions<ZodType, string>, true>> = {
  from: true,
  to: true,
  pick: true,
  otherwise: true,
};

/**
 * Divides the records of a stage among branches. Each goes on byte for byte as it came, to the branch that `pick` names.
 *
 * It works in the process of the stage that it reads, without a queue. One that reads a fetcher, or several stages, has
 * a queue, and is hosted where mappers are.
 *
 * @example
 * const triage = route('triage', {
 *   from: orders,
 *   to: ['big', 'small'],
 *   pick: ({ total }) => (total > 1_000 ? 'big' : 'small'),
 *   otherwise: 'dead',
 * });
 * const reviewed = mapper('reviewed', { from: triage.to.big, schema: Reviewed, map: review });
 * @throws LeatError `invalid-name` or `invalid-pipeline`
 */
export function route<
  I extends ZodType,
  const K extends string,
  P extends ParamsSchema | undefined = undefined,
>(name: string, options: RouteOptions<I, K, P>): Route<I, K, P> {
  const { to, pick, otherwise } = options;
  demandKnown(nameOf(name), options, OPTIONS);
  const from = sourcesOf(name, options.from);
  demandBranches(name, to);
  if (typeof pick !== 'function') throw invalid(name, 'pick must be a function');
  if (!['filter', 'dead'].includes(otherwise)) {
    throw invalid(
      name,
      `otherwise must be 'filter' or 'dead', which says what becomes of a record that takes no branch; it is ${JSON.stringify(otherwise)}`,
    );
  }
  const apply = pick as unknown as RouteWork['apply'];
  const stage = routeStage(name, from, { type: 'route', apply, to, otherwise, isPredicate: false });
  const outputs = to.map((branch) => [branch, outputOf(stage, branch)]);
  return { kind: 'route', name, to: Object.fromEntries(outputs) as Route<I, K, P>['to'] };
}

/** The stage behind a route's branches. */
export function routeStage(name: string, from: Sources, work: RouteWork): Mapper {
  demandWritable(name, from);
  const [{ schema, numbers, kind }] = from;
  return {
    kind: 'mapper',
    name,
    from,
    schema,
    numbers,
    isInferred: false,
    work,
    concurrency: 1,
    threads: 0,
    timeoutMs: undefined,
    retry: { ...DEFAULT_RETRY_POLICY, attempts: 1 },
    // Who has the records in hand may say where they go; a fetcher does not look at them.
    inline: from.length === 1 && kind !== 'fetcher',
  };
}

export function outputOf(stage: Mapper, branch: string): Output {
  const { name, schema, numbers } = stage;
  return { kind: 'output', name: outputName(name, branch), branch, stage, schema, numbers };
}

/** @param to as a file in JavaScript may give it */
function demandBranches(name: string, to: readonly string[]): void {
  if (!Array.isArray(to) || to.length === 0) {
    throw invalid(name, 'to must be a list of the names of its branches');
  }
  for (const branch of to) checkName('branch', branch);
  const twice = to.find((branch, nth) => to.indexOf(branch) !== nth);
  if (twice !== undefined) throw invalid(name, `has two branches named ${JSON.stringify(twice)}`);
}
