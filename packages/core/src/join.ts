import type { ChunkId } from './chunk-id.ts';
import { addCounts, type Counts, NO_COUNTS, recordsOf } from './counts.ts';
import { contradicts, type KnownDivisions, learn } from './division.ts';
import { leafOutcome, settleLeaf, type SettledPaths } from './lineage.ts';
import type { OpenRegion } from './open-region.ts';
import type { Origins } from './origins.ts';
import { regionsAround } from './region.ts';
import type { JoinSpec, PipelineSpec } from './spec.ts';
import type { ThrownDescription } from './thrown.ts';

/** A record that a branch has given up, on its way to the join that makes its dead letter. */
export interface BranchFailure {
  /** How many regions the branch is in: which of them it belongs to. */
  readonly depth: number;
  /** Which record of the chunk that was forked it comes from, from 0. */
  readonly place: number;
  readonly stage: string;
  readonly attempts: number;
  readonly error: ThrownDescription;
}

/** A chunk that has come to a join, as far as it matters for putting it together with the others. */
export interface Part {
  readonly chunk: ChunkId;
  readonly counts: Counts;
  /** Which branch it comes by; absent where a branch has left nothing. */
  readonly part?: number;
  /** Of each record, which record of the chunk that was forked it comes from; absent when record `n` has place `n`. */
  readonly origins?: Origins;
  readonly regions?: readonly OpenRegion[];
  readonly buried?: readonly string[];
  readonly failures?: readonly BranchFailure[];
  readonly division?: string;
}

/** The chunk that was forked, as a part knows it. */
export function forkedBy({
  chunk,
  regions = [],
}: Pick<Part, 'chunk' | 'regions'>): ChunkId | undefined {
  const region = regions.at(-1);
  return region && { seq: chunk.seq, path: chunk.path.slice(0, region.at) };
}

/** How many parts its chunk has at least, as a part knows it: its own share is one of so many. */
export function fewestParts({ chunk, regions = [] }: Pick<Part, 'chunk' | 'regions'>): number {
  const [, siblings = '1'] = /^\.\d+-(\d+)/.exec(chunk.path.slice(regions.at(-1)?.at ?? 0)) ?? [];
  return Number(siblings);
}

/**
 * Gathers the parts of one chunk that was forked, in the order in which they were stored. They are a set, decided by
 * lineage as in the ledger, so a part that comes twice counts once. What was divided otherwise by another execution
 * than the parts before it is left out: the chunk is sent again when the run stands still.
 */
export class Gathering<P extends Part> {
  readonly parts: P[] = [];
  readonly #paths: SettledPaths = new Set();
  readonly #divisions: KnownDivisions = new Map();

  /** @returns whether all parts are there */
  add(part: P): boolean {
    const path = part.chunk.path.slice(part.regions?.at(-1)?.at ?? 0);
    const outcome = leafOutcome(this.#paths, path);
    if (outcome === 'duplicate' || outcome === 'overlap' || this.#hasWithin(path)) return false;
    const said = belowFork(part);
    if (contradicts(this.#divisions, path, said)) return false;
    settleLeaf(this.#paths, path);
    learn(this.#divisions, path, said, this.#paths);
    this.parts.push(part);
    return outcome === 'whole';
  }

  #hasWithin(path: string): boolean {
    return [...this.#paths].some((settled) => settled.startsWith(`${path}.`));
  }
}

/** What a part says of the divisions below the chunk that was forked. */
function belowFork({ chunk, regions = [], division }: Part): string | undefined {
  const steps = stepsIn(chunk.path.slice(0, regions.at(-1)?.at ?? 0));
  return division?.split('.').slice(steps).join('.');
}

/** How many steps a path has since its root, or since a record was tried again. */
function stepsIn(path: string): number {
  return path.slice(path.lastIndexOf('~') + 1).split('.').length - 1;
}

/** Where a record stands among the parts: the number of the chunk in `Gathering.parts`, and its index there. */
export interface FoundRecord {
  readonly chunk: number;
  readonly index: number;
}

/** What branches have made of one record. */
export interface MadeOfRecord<Found = unknown> {
  /** By branch, the records that it made of it; behind the branches the record itself, if the join reads the fork. */
  readonly found: readonly (readonly Found[])[];
  /** Why branches have given it up. */
  readonly failures: readonly BranchFailure[];
}

/** What branches have made of one record of the chunk that was forked. */
export interface Joining extends MadeOfRecord<FoundRecord> {
  /** Which record of that chunk, from 0. */
  readonly place: number;
}

/** Matches what the parts have by record, in the order of the chunk that was forked. */
export function matched(parts: readonly Part[]): readonly Joining[] {
  const joinings = new Map<number, { found: FoundRecord[][]; failures: BranchFailure[] }>();
  const at = (place: number): { found: FoundRecord[][]; failures: BranchFailure[] } => {
    const joining = joinings.get(place) ?? { found: [], failures: [] };
    joinings.set(place, joining);
    return joining;
  };
  for (const [chunk, { part, counts, origins, regions = [], failures = [] }] of parts.entries()) {
    const records = part === undefined ? 0 : recordsOf(counts);
    for (let index = 0; index < records; index++) {
      const { found } = at(origins?.[index] ?? index);
      (found[part as number] ??= []).push({ chunk, index });
    }
    for (const failure of failures) {
      if (failure.depth === regions.length) at(failure.place).failures.push(failure);
    }
  }
  return [...joinings]
    .toSorted(([one], [other]) => one - other)
    .map(([place, { found, failures }]) => ({
      place,
      found: Array.from(found, (each) => each ?? []),
      failures,
    }));
}

/** What becomes of a record where branches meet: it goes on, it counts as filtered, or it is a dead letter, and why. */
export type JoinFate =
  | { readonly type: 'together' }
  | { readonly type: 'filtered' }
  | { readonly type: 'failed'; readonly failure: BranchFailure }
  | { readonly type: 'missing' | 'ambiguous'; readonly part: string };

/**
 * Decides what becomes of a record. What a branch has given up is dead, unless it may be missing; then the branch has
 * made the letter itself.
 */
export function fateOfJoining(
  { found, failures }: MadeOfRecord,
  { parts, missing }: Pick<JoinSpec, 'parts' | 'missing'>,
): JoinFate {
  const [failure] = failures;
  if (failure !== undefined) return { type: 'failed', failure };
  const made = (part: number): number => found[part]?.length ?? 0;
  const ambiguous = parts.find((_, part) => made(part) > 1);
  if (ambiguous !== undefined) return { type: 'ambiguous', part: ambiguous };
  const absent = parts.find((_, part) => made(part) === 0);
  if (absent === undefined || missing === 'pass') return { type: 'together' };
  return missing === 'filter' ? { type: 'filtered' } : { type: 'missing', part: absent };
}

/**
 * Whether a stage leaves it to a join to make letters of what it gives up: then, in how many regions it is. A join that
 * lets parts be missing goes on without them, so its branches make the letters.
 */
export function depthOfFailures(spec: PipelineSpec, stage: string): number | undefined {
  const around = regionsAround(spec, stage);
  const region = around.at(-1);
  return region === undefined || region.missing === 'pass' ? undefined : around.length;
}

/**
 * The books of what a join puts together: those of its parts, less the copies that the fork has made. A failure that
 * came with a part counted as filtered until now.
 */
export function joinedCounts(
  parts: readonly Part[],
  joinings: readonly (readonly [Joining, JoinFate])[],
): Counts {
  let counts = parts.reduce((sum, part) => addCounts(sum, part.counts), NO_COUNTS);
  for (const [{ found, failures }, { type }] of joinings) {
    const were = found.reduce((sum, { length }) => sum + length, 0) + failures.length;
    const isDead = type !== 'together' && type !== 'filtered';
    counts = addCounts(counts, {
      ...NO_COUNTS,
      expanded: (type === 'filtered' ? 0 : 1) - were,
      filtered: -failures.length,
      dead: isDead ? 1 : 0,
    });
  }
  return counts;
}

/** What is left of a join's chunk when its region is closed. */
export function closed(
  parts: readonly Part[],
): Pick<Part, 'regions' | 'origins' | 'buried' | 'failures' | 'division'> {
  const [{ chunk, regions = [], division }] = parts as readonly [Part];
  const outer = regions.slice(0, -1);
  const { origins, at } = regions.at(-1) as OpenRegion;
  const buried = parts.flatMap((part) => part.buried ?? []);
  const failures = parts
    .flatMap((part) => part.failures ?? [])
    .filter(({ depth }) => depth <= outer.length);
  const said =
    division
      ?.split('.')
      .slice(0, stepsIn(chunk.path.slice(0, at)))
      .join('.') ?? '';
  return {
    ...(origins !== undefined && { origins }),
    ...(outer.length > 0 && { regions: outer }),
    ...(buried.length > 0 && { buried }),
    ...(failures.length > 0 && { failures }),
    ...(said !== '' && { division: said }),
  };
}
