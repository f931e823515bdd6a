import { childId, type ChunkId, redrivenOf } from './chunk-id.ts';
import { copiedCounts, type Counts, divideCounts } from './counts.ts';
import { withDeaths, withToken } from './division.ts';
import { outputName, type PipelineSpec, readersOf } from './spec.ts';

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
}

/** A part of what a stage passes on. */
interface PieceOf {
  readonly records: number;
  /** The branch that it goes to, where the stage is a route. */
  readonly branch?: string;
}

/** What one reader of a stage gets of a chunk. */
export interface ChildChunk<Piece> {
  /** The name of the stage that gets it. */
  readonly reader: string;
  readonly chunk: ChunkId;
  readonly counts: Counts;
  readonly piece: Piece;
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
 * there is a piece for each branch that is not empty, and the readers of that branch get it.
 *
 * The children's books add up to those of the chunk, and to the copies. The first reader's children divide
 * the chunk's own books; those of the others are additions. What was filtered, dead or tried again stands in
 * the first child of all, and so the executions that buried something travel with it.
 *
 * @param pieces what the chunk was cut into, in the order of its records, or of the route's branches; none if no record
 *   is left
 * @param token gives the token of the division, see `divisionToken`; absent where it is the same each time
 */
export function fanOut<Piece extends PieceOf>(
  spec: PipelineSpec,
  stage: string,
  { chunk, counts, buried = [], division = '', dead = [] }: FinishedChunk,
  pieces: readonly Piece[],
  token?: () => string,
): ChildChunk<Piece>[] {
  const { below } = redrivenOf(chunk) ?? { below: chunk.path };
  const shares = divideCounts(
    counts,
    pieces.map(({ records }) => records),
  );
  const children = pieces.flatMap((piece, place): ChildChunk<Piece>[] => {
    const id = childId(chunk, place, pieces.length);
    const share = shares[place] as Counts;
    const { branch } = piece;
    const readers = readersOf(spec, branch === undefined ? stage : outputName(stage, branch));
    return readers.map((reader, nth) => {
      const counted = nth === 0 ? share : copiedCounts(share);
      const chunkId = childId(id, nth, readers.length);
      return { reader: reader.name, chunk: chunkId, counts: counted, piece };
    });
  });
  const [first] = children;
  if (first !== undefined && buried.length > 0) children[0] = { ...first, buried };
  const lessDead = withDeaths(below, division, dead);
  const isDivided = token !== undefined && children.length > 1;
  const said = isDivided ? withToken(below, lessDead, token()) : lessDead;
  if (said !== '') for (const child of children) Object.assign(child, { division: said });
  return children;
}
