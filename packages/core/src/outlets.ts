import { type Region, regionsOf } from './region.ts';
import {
  outputsOf,
  type PipelineSpec,
  readersOf,
  sourcesOf,
  stageOf,
  type StageSpec,
} from './spec.ts';

/** One reader of what a stage passes on. */
export interface Link {
  readonly reader: string;
  /** The stage, or the branch of a route, that it reads. */
  readonly output: string;
  /** Which of a join's parts it is, in the order of its `from`; absent for what is not a join. */
  readonly part?: number;
}

/** Links that have a place of their own among their siblings: a branch of a route, or the branches of a join. */
export interface Bundle {
  /** The region that begins here; absent for the branch of a route. */
  readonly region?: Region;
  readonly outlets: readonly Outlet[];
}

export type Outlet = Link | Bundle;

const known = new WeakMap<PipelineSpec, Map<string, readonly Outlet[]>>();

/**
 * Where what a stage passes on goes, as a tree: each node is a share of the chunk, whose siblings are the other shares.
 * Whatever leads to one join is one share, which the join puts together again.
 */
export function outletsOf(spec: PipelineSpec, stage: string): readonly Outlet[] {
  let byStage = known.get(spec);
  if (byStage === undefined) known.set(spec, (byStage = new Map()));
  let outlets = byStage.get(stage);
  if (outlets === undefined) byStage.set(stage, (outlets = outletsIn(spec, stage)));
  return outlets;
}

function outletsIn(spec: PipelineSpec, stage: string): readonly Outlet[] {
  const own = spec.stages.filter(({ name }) => name === stage);
  const outputs = own.flatMap((each) => outputsOf(each));
  const links = outputs.flatMap((output) =>
    readersOf(spec, output).map((reader) => linkOf(reader, output)),
  );
  const regions = regionsOf(spec).filter(({ fork }) => stageOf(fork) === stage);
  const isRoute = own.some(({ to }) => to !== undefined);
  return bundled(links, regions, isRoute);
}

function linkOf(reader: StageSpec, output: string): Link {
  const link = { reader: reader.name, output };
  return reader.join === undefined ? link : { ...link, part: sourcesOf(reader).indexOf(output) };
}

/** Puts together what leads to one join, and what leaves by one branch of a route. */
function bundled(
  links: readonly Link[],
  regions: readonly Region[],
  isRoute: boolean,
): readonly Outlet[] {
  const outlets: Outlet[] = [];
  const taken = new Set<Link>();
  for (const link of links) {
    if (taken.has(link)) continue;
    const region = regions.find((each) => leadsTo(each, link));
    const isTogether = (other: Link): boolean =>
      region === undefined
        ? isRoute && other.output === link.output && !regions.some((each) => leadsTo(each, other))
        : leadsTo(region, other);
    const together = links.filter((other) => other === link || isTogether(other));
    for (const each of together) taken.add(each);
    if (region !== undefined) {
      const inner = regions.filter((each) => each !== region && region.inner.has(each.join));
      outlets.push({ region, outlets: bundled(together, inner, isRoute) });
    } else outlets.push(isRoute ? { outlets: together } : link);
  }
  return outlets;
}

function leadsTo({ join, inner }: Region, { reader }: Link): boolean {
  return reader === join || inner.has(reader);
}

/** The links of a tree, from the first to the last. */
export function linksIn(outlets: readonly Outlet[]): readonly Link[] {
  return outlets.flatMap((outlet) => ('reader' in outlet ? [outlet] : linksIn(outlet.outlets)));
}

/** The node where a region begins. */
export function regionIn(outlets: readonly Outlet[], join: string): Bundle | undefined {
  for (const outlet of outlets) {
    if ('reader' in outlet) continue;
    const found = outlet.region?.join === join ? outlet : regionIn(outlet.outlets, join);
    if (found !== undefined) return found;
  }
  return undefined;
}
