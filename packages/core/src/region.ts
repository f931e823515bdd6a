import {
  type JoinSpec,
  type PipelineSpec,
  readersOf,
  sourcesOf,
  stageOf,
  outputsOf,
} from './spec.ts';

/**
 * What lies between a fork and the join that puts its branches together again. Regions lie within one another or
 * apart, because nothing leaves one but by its join: see `faultOfRegion`.
 */
export interface Region extends JoinSpec {
  /** The join that closes it. */
  readonly join: string;
  /** The stages of its branches. */
  readonly inner: ReadonlySet<string>;
}

const known = new WeakMap<PipelineSpec, readonly Region[]>();

/** The regions of a graph, the outer ones before those that lie within them. */
export function regionsOf(spec: PipelineSpec): readonly Region[] {
  let regions = known.get(spec);
  if (regions === undefined) {
    regions = spec.stages
      .flatMap(({ name, join }) =>
        join === undefined ? [] : [{ ...join, join: name, inner: between(spec, join.fork, name) }],
      )
      // Of two with one fork the outer one has more stages.
      .toSorted((a, b) => b.inner.size - a.inner.size);
    known.set(spec, regions);
  }
  return regions;
}

/** The regions that a stage lies in, from the outermost to the innermost. */
export function regionsAround(spec: PipelineSpec, stage: string): readonly Region[] {
  return regionsOf(spec).filter(({ inner }) => inner.has(stage));
}

/** What is wrong with the branches of a join: something leaves them, or they are of no one fork. */
export function faultOfRegion(
  spec: PipelineSpec,
  { join, fork, inner }: Region,
): string | undefined {
  for (const stage of spec.stages) {
    if (!inner.has(stage.name)) continue;
    if (stage.kind === 'fetcher') {
      return `has a join ${join}, whose branches do not all come from ${fork}.`;
    }
    for (const output of outputsOf(stage)) {
      const leaver = readersOf(spec, output).find(({ name }) => name !== join && !inner.has(name));
      if (leaver === undefined) continue;
      return `has a ${leaver.kind} ${leaver.name} that reads from ${output}, within the branches that ${join} puts together: let it read from what these begin with, or from ${join}.`;
    }
  }
  return undefined;
}

/** The stages on the ways from one to another, both left out. */
function between(spec: PipelineSpec, from: string, to: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const stages = spec.stages.filter((each) => each.name === name);
    for (const source of stages.flatMap((each) => sourcesOf(each))) {
      const upstream = stageOf(source);
      if (source === from || upstream === from || found.has(upstream)) continue;
      found.add(upstream);
      visit(upstream);
    }
  };
  visit(to);
  return found;
}
