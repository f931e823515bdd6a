import { type ChunkId, parseChunkId } from './chunk-id.ts';
import { type Bundle, linksIn, type Outlet, outletsOf, regionIn } from './outlets.ts';
import { regionsOf } from './region.ts';
import { type PipelineSpec, sourcesOf, stageOf } from './spec.ts';

/**
 * Whether a chunk can have reached a stage by the run's graph: where several stages read from one, each has
 * a place of its own among them, and the chunk's id has that place and their number. A join is reached by the chunks of
 * its branches, and goes on with the one that was forked.
 */
export function canReach(spec: PipelineSpec, stage: string, chunk: string): boolean {
  const path = parseChunkId(chunk)?.path;
  if (path === undefined) return false;
  const ways = new Ways(spec, path);
  return ways.endsAt(stage).has(path.length) || ways.endsBefore(stage).has(path.length);
}

/** How much of a path may have been said at each stage, in characters. There may be many ways to a stage. */
class Ways {
  readonly #spec: PipelineSpec;
  readonly #path: string;
  readonly #known = new Map<string, ReadonlySet<number>>();

  constructor(spec: PipelineSpec, path: string) {
    this.#spec = spec;
    this.#path = path;
  }

  /** Where a stage works on a chunk: what it gave up comes to it again, and a join goes on with what was forked. */
  endsAt(stage: string): ReadonlySet<number> {
    const found = this.#known.get(stage);
    if (found !== undefined) return found;
    const region = regionsOf(this.#spec).find(({ join }) => join === stage);
    const before =
      region === undefined ? this.endsBefore(stage) : this.#endsOfForks(region.fork, region.join);
    const number = this.#spec.stages.findIndex(({ name }) => name === stage);
    const ends = this.#after(before, redrivenIn(number));
    this.#known.set(stage, ends);
    return ends;
  }

  /** In front of a stage: a mapper or a route may divide a chunk, and fan-out adds the reader's place. */
  endsBefore(stage: string): ReadonlySet<number> {
    const reached = this.#spec.stages.find(({ name }) => name === stage);
    const ends = new Set<number>(reached?.kind === 'fetcher' ? [0] : []);
    const upstreams = new Set((reached === undefined ? [] : sourcesOf(reached)).map(stageOf));
    for (const upstream of upstreams) {
      const outlets = outletsOf(this.#spec, upstream);
      const leads = (outlet: Outlet): boolean =>
        linksIn([outlet]).some(({ reader }) => reader === stage);
      for (const end of this.#below(outlets, this.#divided(upstream), leads)) ends.add(end);
    }
    return ends;
  }

  /** Where the shares end that a join puts together. */
  #endsOfForks(fork: string, join: string): ReadonlySet<number> {
    const isRegion = (outlet: Outlet): boolean => regionIn([outlet], join) !== undefined;
    const stage = stageOf(fork);
    return this.#below(outletsOf(this.#spec, stage), this.#divided(stage), isRegion, join);
  }

  #divided(stage: string): ReadonlySet<number> {
    const isDivided = this.#spec.stages.some(
      ({ name, kind, to, join }) =>
        name === stage && kind === 'mapper' && to === undefined && join === undefined,
    );
    return isDivided ? this.#after(this.endsAt(stage), ANY_STEP) : this.endsAt(stage);
  }

  /** Down a tree of outlets, to where a chunk can be. */
  #below(
    outlets: readonly Outlet[],
    starts: ReadonlySet<number>,
    leads: (outlet: Outlet) => boolean,
    join?: string,
  ): ReadonlySet<number> {
    const ends = new Set<number>();
    // Of a route a branch may be empty: it has no place then.
    const mayLack = new Set(linksIn(outlets).map(({ output }) => output)).size > 1;
    for (const [place, outlet] of outlets.entries()) {
      if (!leads(outlet)) continue;
      const step = outlets.length > 1 ? `\\.${place}-${outlets.length}` : '';
      const shares = this.#after(starts, mayLack ? ANY_STEP : step);
      const isEnd = 'reader' in outlet || (join !== undefined && outlet.region?.join === join);
      const below = isEnd
        ? shares
        : this.#below(outlet.outlets, this.#forked(outlet, shares), leads, join);
      for (const end of below) ends.add(end);
    }
    return ends;
  }

  /** A record that was given up in a region comes again where that begins. */
  #forked({ region }: Bundle, shares: ReadonlySet<number>): ReadonlySet<number> {
    if (region === undefined) return shares;
    const number = this.#spec.stages.findIndex(({ name }) => name === region.join);
    return this.#after(shares, redrivenIn(number));
  }

  /** Where a part of the path may end that begins at one of some places. */
  #after(starts: ReadonlySet<number>, pattern: string): ReadonlySet<number> {
    return new Set([...starts].flatMap((start) => after(this.#path, pattern, start)));
  }
}

/** None, or one step. */
const ANY_STEP = '(?:\\.\\d+-\\d+)?';

/** A record that the stage of this number has given up, and which was tried again. */
function redrivenIn(stage: number): string {
  return `(?:~${stage}-\\d+(?:-\\d+)?)?`;
}

/** Where a part of a path may end that begins at `start`: also there, if it may be empty. */
function after(path: string, pattern: string, start: number): number[] {
  const match = new RegExp(pattern, 'y');
  match.lastIndex = start;
  const length = match.exec(path)?.[0].length;
  if (length === undefined) return [];
  return length > 0 && pattern.endsWith('?') ? [start, start + length] : [start + length];
}

/** The mark of a record that is tried again, where a chunk id ends with it. */
const REDRIVEN = /~(\d+)-\d+(?:-\d+)?$/;

/**
 * The stage that has given a record up which is tried again: there its chunk begins. `undefined` for any other
 * chunk. Where nothing divides it, the chunk has the same id in the stages below.
 */
export function redrivenAt(spec: PipelineSpec, { path }: ChunkId): string | undefined {
  const number = REDRIVEN.exec(path)?.[1];
  return number === undefined ? undefined : spec.stages[Number(number)]?.name;
}
