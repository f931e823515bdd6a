import { invalid } from './check.ts';
import type { From, Mapper, Route, Sources, Upstream } from './stages.ts';

/**
 * What a stage reads, as a list.
 *
 * @param from as a file in JavaScript, or a cast, may give it
 * @throws LeatError `invalid-pipeline` unless it is one stage that has records, or several that have the same
 */
export function sourcesOf(stage: string, from: From | undefined): Sources {
  const [first, ...others] = (Array.isArray(from) ? from : [from]) as readonly unknown[];
  if (!isUpstream(first)) throw refused(stage, first);
  const sources: [Upstream, ...Upstream[]] = [first];
  for (const other of others) {
    if (!isUpstream(other)) throw refused(stage, other);
    demandAlike(stage, sources, other);
    sources.push(other);
  }
  return sources;
}

function isUpstream(from: unknown): from is Upstream {
  const { kind } = (from ?? {}) as Partial<Upstream>;
  return kind === 'fetcher' || kind === 'mapper' || kind === 'output';
}

function refused(stage: string, from: unknown): Error {
  const nothing =
    'reads from nothing: from must be a fetcher, a mapper or a branch of a route, or a list of them';
  return invalid(stage, branchesOf(from) ?? nothing);
}

/** Who gives a route, where one of its branches is meant. */
function branchesOf(from: unknown): string | undefined {
  const { kind, name, to } = (from ?? {}) as Partial<Route>;
  if (kind !== 'route' || to === undefined) return undefined;
  const branches = Object.keys(to).map((branch) => `${name}.to.${branch}`);
  return `reads the route "${name}": name one of its branches, ${branches.join(' or ')}`;
}

/** One reader reads all records alike, so they have one schema. */
function demandAlike(stage: string, sources: Sources, other: Upstream): void {
  const [first] = sources;
  if (sources.some(({ name }) => name === other.name)) {
    throw invalid(stage, `reads "${other.name}" twice`);
  }
  const both = `reads "${first.name}" and "${other.name}"`;
  if (other.schema !== first.schema) {
    throw invalid(
      stage,
      `${both}, whose schemas are not the same: give both one schema, by one name`,
    );
  }
  if (other.numbers !== first.numbers) {
    throw invalid(stage, `${both}, whose numbers are not read alike: give both the same numbers`);
  }
}

/** How a stage reads its records. */
export type Origin = Pick<Upstream, 'name' | 'schema' | 'numbers'> & {
  readonly kind: Upstream['kind'];
};

/**
 * What says how a stage reads its records: the fetcher, if it reads one, or else any that it reads, since all are alike.
 * A join reads what it has put together.
 */
export function originOf({ from, joins }: Pick<Mapper, 'from' | 'joins'>): Origin {
  if (joins !== undefined) return { ...joins, name: joins.parts.join(' and '), kind: 'mapper' };
  return from.find(({ kind }) => kind === 'fetcher') ?? from[0];
}
