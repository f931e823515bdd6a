import type { output, ZodType } from 'zod';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import { invalid, nameOf } from './check.ts';
import { outputOf, routeStage } from './route.ts';
import { sourcesOf } from './sources.ts';
import type { From, Output, RouteContext, RouteWork, Upstream } from './stages.ts';
import { LeatError } from '@leat/core';

/** The records of a stage for which a predicate holds. Made by {@link when}. */
export interface Selection<
  out S extends ZodType = ZodType,
  out P extends ParamsSchema | undefined = ParamsSchema | undefined,
> extends Output<S, P> {
  readonly branch: 'is';
}

const BRANCHES = ['is', 'otherwise'] as const;
/** As many characters as a stage's name may have. */
const MAX_NAME = 31;

/**
 * The records of a stage for which a predicate holds; the others are those of {@link otherwise}, or count as filtered.
 * It is a route of two branches, whose name is that of the stage with `-when` behind it, and a number from the second
 * one on.
 *
 * @param from one stage, or several that have the same schema
 * @param predicate a function of the record alone, that says `true` or `false` at once. What it throws makes a dead
 * letter of the record
 * @example
 * const large = when(cities, ({ population }) => population > 1_000_000);
 * const small = otherwise(large);
 * @throws LeatError `invalid-pipeline`
 */
export function when<I extends ZodType, P extends ParamsSchema | undefined = undefined>(
  from: From<I, P>,
  predicate: (record: NoInfer<output<I>>, context: RouteContext<ParamsOf<NoInfer<P>>>) => boolean,
): Selection<I, P> {
  const sources = sourcesOf('when', from);
  const name = nextName(sources[0]);
  if (typeof predicate !== 'function') throw invalid(name, 'the predicate must be a function');
  const apply = predicate as unknown as RouteWork['apply'];
  const stage = routeStage(name, sources, {
    type: 'route',
    apply,
    to: BRANCHES,
    otherwise: 'filter',
    isPredicate: true,
  });
  return outputOf(stage, 'is') as Selection<I, P>;
}

/**
 * The records of a stage for which the predicate of a {@link when} does not hold.
 *
 * @throws LeatError `invalid-pipeline`
 */
export function otherwise<S extends ZodType, P extends ParamsSchema | undefined>(
  selection: Selection<S, P>,
): Output<S, P> {
  const { kind, stage, branch } = (selection ?? {}) as Partial<Output<S, P>>;
  const { work } = stage ?? {};
  if (kind === 'output' && work?.type === 'route' && work.isPredicate && branch === 'is') {
    return outputOf(selection.stage, 'otherwise') as Output<S, P>;
  }
  throw new LeatError(
    'invalid-pipeline',
    `otherwise must be given what when() gives: otherwise(when(${nameOf('orders')}, …)).`,
  );
}

/** By the stage, or the branch of a route, how many predicates were put to it. */
const counts = new WeakMap<object, number>();

/** Of the predicates of one stage, each has the next number. */
function nextName(from: Upstream): string {
  const asked = askedOf(from);
  const count = (counts.get(asked) ?? 0) + 1;
  counts.set(asked, count);
  const end = count === 1 ? '-when' : `-when-${count}`;
  return `${asked.name
    .toLowerCase()
    .replace('#', '-')
    .slice(0, MAX_NAME - end.length)}${end}`;
}

/** What a predicate is put to in the end: one that is put to a selection is put to what that is a selection of. */
function askedOf(from: Upstream): Upstream {
  if (from.kind !== 'output' || from.stage.work.type !== 'route') return from;
  return from.stage.work.isPredicate ? askedOf(from.stage.from[0]) : from;
}
