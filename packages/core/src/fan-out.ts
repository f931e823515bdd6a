import { childId, type ChunkId, redrivenOf } from './chunk-id.ts';
import { copiedCounts, type Counts, divideCounts } from './counts.ts';
import { withDeaths, withToken } from './division.ts';
import { type PipelineSpec, readersOf } from './spec.ts';

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
 * Divides what a stage passes on among its readers: each of them gets every piece, under an id of its own.
 *
 * The children's books add up to those of the chunk, and to the copies. The first reader's children divide
 * the chunk's own books; those of the others are additions. What was filtered, dead or tried again stands in
 * the first child of all, and so the executions that buried something travel with it.
 *
 * @param pieces what the chunk was cut into, in the order of its records; none if no record is left
 * @param token gives the token of the division, see `divisionToken`; absent where it is the same each time
 */
export function fanOut<Piece extends { readonly records: number }>(
  spec: PipelineSpec,
  stage: string,
  { chunk, counts, buried = [], division = '', dead = [] }: FinishedChunk,
  pieces: readonly Piece[],
  token?: () => string,
): ChildChunk<Piece>[] {
  const readers = readersOf(spec, stage);
  const { below } = redrivenOf(chunk) ?? { below: chunk.path };
  const lessDead = withDeaths(below, division, dead);
  const isDivided = token !== undefined && pieces.length * readers.length > 1;
  const said = isDivided ? withToken(below, lessDead, token()) : lessDead;
  const told = said === '' ? undefined : { division: said };
  const shares = divideCounts(
    counts,
    pieces.map(({ records }) => records),
  );
  const children = pieces.flatMap((piece, place): ChildChunk<Piece>[] => {
    const id = childId(chunk, place, pieces.length);
    const share = shares[place] as Counts;
    return readers.map((reader, nth) => {
      const counted = nth === 0 ? share : copiedCounts(share);
      const chunkId = childId(id, nth, readers.length);
      return Object.assign({ reader: reader.name, chunk: chunkId, counts: counted, piece }, told);
    });
  });
  const [first] = children;
  if (first !== undefined && buried.length > 0) children[0] = { ...first, buried };
  return children;
}
