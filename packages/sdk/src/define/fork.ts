import { invalid } from './check.ts';
import type { Upstream } from './stages.ts';

/**
 * The nearest stage, or branch of a route, through which every record comes that reaches any of some ends of branches:
 * where they part. A route by itself is meant where they are different branches of it.
 *
 * @throws LeatError `invalid-pipeline` if there is none, because they are of different pipelines
 */
export function commonFork(name: string, ends: readonly Upstream[]): Upstream {
  const known = new Map<string, readonly Upstream[]>();
  const [first = [], ...others] = ends.map((end) => passages(end, known));
  const fork = shared(first, others)[0];
  if (fork !== undefined) return fork;
  const names = ends.map((each) => `"${each.name}"`).join(' and ');
  throw invalid(name, `joins ${names}, which come from no one stage`);
}

/** Through what every record comes on its way to something, that first, and then the nearer ones. */
function passages(from: Upstream, known: Map<string, readonly Upstream[]>): readonly Upstream[] {
  const found = known.get(from.name);
  if (found !== undefined) return found;
  const before = from.kind === 'output' ? [from.stage] : from.kind === 'mapper' ? from.from : [];
  const [first = [], ...others] = before.map((each) => passages(each, known));
  const all = [from, ...shared(first, others)];
  known.set(from.name, all);
  return all;
}

/** What is in all lists, in the order of the first. Branches of a route are made anew each time they are named. */
function shared(
  first: readonly Upstream[],
  others: readonly (readonly Upstream[])[],
): readonly Upstream[] {
  return first.filter(({ name, kind }) =>
    others.every((each) => each.some((other) => other.name === name && other.kind === kind)),
  );
}
