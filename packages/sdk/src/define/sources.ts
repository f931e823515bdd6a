import { invalid } from './check.ts';
import type { From, Sources, Upstream } from './stages.ts';

/**
 * What a stage reads, as a list.
 *
 * @param from as a file in JavaScript, or a cast, may give it
 * @throws LeatError `invalid-pipeline` unless it is one stage that has records, or several that have the same
 */
export function sourcesOf(stage: string, from: From | undefined): Sources {
  const [first, ...others] = (Array.isArray(from) ? from : [from]) as readonly unknown[];
  if (!isUpstream(first)) throw nothing(stage);
  const sources: [Upstream, ...Upstream[]] = [first];
  for (const other of others) {
    if (!isUpstream(other)) throw nothing(stage);
    demandAlike(stage, sources, other);
    sources.push(other);
  }
  return sources;
}

function isUpstream(from: unknown): from is Upstream {
  const { kind } = (from ?? {}) as Partial<Upstream>;
  return kind === 'fetcher' || kind === 'mapper';
}

function nothing(stage: string): Error {
  return invalid(
    stage,
    'reads from nothing: from must be a fetcher or a mapper, or a list of them',
  );
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

/** The stage that says how a stage reads its records: the fetcher, if it reads one. All that it reads are alike. */
export function originOf({ from }: { readonly from: Sources }): Upstream {
  return from.find(({ kind }) => kind === 'fetcher') ?? from[0];
}
