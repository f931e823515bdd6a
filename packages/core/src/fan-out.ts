import { childId, type ChunkId, redrivenOf } from './chunk-id.ts';
import { copiedCounts, type Counts, divideCounts, NO_COUNTS } from './counts.ts';
import { withDeaths, withToken } from './division.ts';
import type { BranchFailure } from './join.ts';
import type { OpenRegion } from './open-region.ts';
import type { Origins } from './origins.ts';
import { type Bundle, type Link, linksIn, type Outlet, outletsOf, regionIn } from './outlets.ts';
import type { Region } from './region.ts';
import { outputName, type PipelineSpec, readersOf, stageOf } from './spec.ts';

/** A chunk that a stage is done with, as far as it matters to those that come next. */
export interface FinishedChunk {
  readonly chunk: ChunkId;
  /** Its books, with the stage's own work: they promise as many records as its pieces hold. */
  readonly counts: Counts;
  /** The executions that have buried records of it, the stage's own included; absent if none have. */
  readonly buried?: readonly string[] | undefined;
  /** What the stages before say of how they divided what it comes from, see `withDeaths`; absent if none does. */
  readonly division?: string | undefined;
  /** The places in the chunk of the records that this stage gave up; absent if it gave up none. */
  readonly dead?: readonly number[] | undefined;
  /** The regions that it is in; absent if none. */
  readonly regions?: readonly OpenRegion[] | undefined;
  /** Records that branches have given up, for the joins of those regions; absent if none has. */
  readonly failures?: readonly BranchFailure[] | undefined;
  /** How many records it had before a route divided it, and where they come from. */
  readonly records?: number;
  readonly origins?: Origins | undefined;
}

/** A part of what a stage passes on. */
interface PieceOf {
  readonly records: number;
  /** The branch that it goes to, where the stage is a route. */
  readonly branch?: string;
  /** Absent when record `n` has offset `n`. */
  readonly origins?: Origins;
  /** Of a route's piece, the places of its records in the chunk. */
  readonly places?: Origins;
}

/** What one reader of a stage gets of a chunk. */
export interface ChildChunk<Piece> {
  /** The name of the stage that gets it. */
  readonly reader: string;
  readonly chunk: ChunkId;
  readonly counts: Counts;
  readonly piece: Piece;
  /** Absent when record `n` has offset `n`. */
  readonly origins?: Origins;
  /** The regions that it is in, the one that begins with it included; absent if none. */
  readonly regions?: readonly OpenRegion[];
  /** Which of a join's parts it is; absent for what is no part. */
  readonly part?: number;
  /** For the one child whose books have the dead; absent if there are none. */
  readonly failures?: readonly BranchFailure[];
  /** For the one child whose books have the dead; absent if there are none. */
  readonly buried?: readonly string[];
  /** What stages say of how it and its siblings were divided, see `withDeaths`; absent if none does. */
  readonly division?: string;
}

/**
 * What somebody reads of what a route passes on. What nobody reads counts as filtered: the branch of a predicate for
 * the records for which it does not hold.
 */
export function readPieces<Piece extends PieceOf>(
  spec: PipelineSpec,
  stage: string,
  pieces: readonly Piece[],
): { readonly read: readonly Piece[]; readonly filtered: number } {
  const isRead = ({ branch }: Piece): boolean =>
    branch === undefined || readersOf(spec, outputName(stage, branch)).length > 0;
  const read = pieces.filter(isRead);
  if (read.length === pieces.length) return { read: pieces, filtered: 0 };
  const unread = pieces.filter((piece) => !isRead(piece));
  return { read, filtered: unread.reduce((sum, { records }) => sum + records, 0) };
}

/**
 * Divides what a stage passes on among its readers: each of them gets every piece, under an id of its own. Of a route
 * there is a piece for each branch that is not empty, and the readers of that branch get it. What leads to one join is
 * one share, under whose id the join goes on.
 *
 * The children's books add up to those of the chunk, and to the copies. The first reader's children divide
 * the chunk's own books; those of the others are additions. What was filtered, dead or tried again stands in
 * the first child of all, and so the executions that buried something travel with it, and what failed.
 *
 * @param pieces what the chunk was cut into, in the order of its records, or of the route's branches; none if no record
 *   is left
 * @param token gives the token of the division, see `divisionToken`; absent where it is the same each time
 */
export function fanOut<Piece extends PieceOf>(
  spec: PipelineSpec,
  stage: string,
  finished: FinishedChunk,
  pieces: readonly Piece[],
  token?: () => string,
): ChildChunk<Piece>[] {
  const outlets = outletsOf(spec, stage);
  const { chunk, counts } = finished;
  const [first] = pieces;
  const shares = sharesOf(counts, pieces);
  const start = { id: chunk, regions: finished.regions, originsIn: originsOf };
  const children =
    first?.branch === undefined
      ? pieces.flatMap((piece, place) =>
          grow(outlets, { ...start, id: childId(chunk, place, pieces.length) }, () => piece),
        )
      : grow(outlets, { ...start, route: { ...finished, name: stage } }, (output) =>
          pieces.find(({ branch = '' }) => outputName(stage, branch) === output),
        );
  const said = saidOf(finished, children.length > 1 ? token : undefined);
  return children.map((child) => {
    const share = shares.get(child.piece);
    shares.delete(child.piece);
    const isFirst = share !== undefined && child.piece === first;
    const counted = Object.assign(child, { counts: share ?? copiedCounts(countsOf(child.piece)) });
    if (isFirst) Object.assign(counted, travelling(finished));
    return said === '' ? counted : Object.assign(counted, { division: said });
  });
}

/**
 * The chunks with which a region begins anew, for one chunk as it entered the region before.
 *
 * @param chunk the share under which the join goes on
 */
export function forkAgain<Piece extends PieceOf>(
  spec: PipelineSpec,
  { join, fork }: Region,
  { chunk, counts }: FinishedChunk,
  piece: Piece,
): ChildChunk<Piece>[] {
  const bundle = regionIn(outletsOf(spec, stageOf(fork)), join);
  const start = { id: chunk, originsIn: originsOf };
  const children = grow(bundle === undefined ? [] : [bundle], start, () => piece);
  return children.map((child, nth) =>
    Object.assign(child, { counts: nth === 0 ? counts : copiedCounts(counts) }),
  );
}

/** A share of a chunk that is divided further. */
interface Share<Piece> {
  readonly id: ChunkId;
  readonly regions?: readonly OpenRegion[] | undefined;
  /** The route whose branches it is divided among, with the chunk as it came there; absent below a region of that. */
  readonly route?: Pick<FinishedChunk, 'records' | 'origins'> & { readonly name: string };
  /** Where the records of a piece come from, or which of the chunk they are where that begins a region. */
  readonly originsIn: (piece: Piece) => Origins | undefined;
}

/** Gives each share of a chunk its id, down to the readers. What has no piece has no share. */
function grow<Piece extends PieceOf>(
  outlets: readonly Outlet[],
  share: Share<Piece>,
  pieceOf: (output: string) => Piece | undefined,
): Omit<ChildChunk<Piece>, 'counts'>[] {
  const { id } = share;
  const pieceIn = (outlet: Outlet): Piece | undefined =>
    linksIn([outlet])
      .map(({ output }) => pieceOf(output))
      .find((piece) => piece !== undefined);
  const filled = outlets.flatMap((outlet) => {
    const piece = pieceIn(outlet);
    return piece === undefined ? [] : [{ outlet, piece }];
  });
  return filled.flatMap(({ outlet, piece }, nth) => {
    const child = childId(id, nth, filled.length);
    if (!('reader' in outlet)) {
      return grow(outlet.outlets, within(outlet, { ...share, id: child }, piece), pieceOf);
    }
    return leafOf(outlet, { ...share, id: child }, piece);
  });
}

function leafOf<Piece extends PieceOf>(
  { reader, part }: Link,
  { id, regions, originsIn }: Share<Piece>,
  piece: Piece,
): Omit<ChildChunk<Piece>, 'counts'> {
  const origins = originsIn(piece);
  return {
    reader,
    chunk: id,
    piece,
    ...(origins !== undefined && { origins }),
    ...(regions !== undefined && { regions }),
    ...(part !== undefined && regions !== undefined && { part }),
  };
}

/** The share of a bundle's outlets, where a region may begin: with a chunk that is the same in all, or with a route's. */
function within<Piece extends PieceOf>(
  { region }: Bundle,
  share: Share<Piece>,
  piece: Piece,
): Share<Piece> {
  if (region === undefined) return share;
  const { id, regions = [], route, originsIn } = share;
  const isOfRoute = region.fork === route?.name;
  const { records = 0, origins } = isOfRoute
    ? route
    : { records: piece.records, origins: originsIn(piece) };
  const opened = { at: id.path.length, records, ...(origins !== undefined && { origins }) };
  return {
    id,
    regions: [...regions, opened],
    ...(isOfRoute && { route: { name: route.name, records } }),
    originsIn: isOfRoute ? placesOf : noOrigins,
  };
}

function originsOf({ origins }: PieceOf): Origins | undefined {
  return origins;
}

function placesOf({ places }: PieceOf): Origins | undefined {
  return places;
}

function noOrigins(): undefined {
  return undefined;
}

/** By piece, its share of the books. */
function sharesOf<Piece extends PieceOf>(
  counts: Counts,
  pieces: readonly Piece[],
): Map<Piece, Counts> {
  const sizes = pieces.map(({ records }) => records);
  const shares = divideCounts(counts, sizes);
  return new Map(pieces.map((piece, place) => [piece, shares[place] as Counts]));
}

function countsOf({ records }: PieceOf): Counts {
  return { ...NO_COUNTS, in: records };
}

/** What goes where the books go that count it. */
function travelling({
  buried = [],
  failures = [],
}: FinishedChunk): Pick<ChildChunk<unknown>, 'buried' | 'failures'> {
  return { ...(buried.length > 0 && { buried }), ...(failures.length > 0 && { failures }) };
}

function saidOf(
  { chunk, division = '', dead = [] }: FinishedChunk,
  token: (() => string) | undefined,
): string {
  const { below } = redrivenOf(chunk) ?? { below: chunk.path };
  const lessDead = withDeaths(below, division, dead);
  return token === undefined ? lessDead : withToken(below, lessDead, token());
}
