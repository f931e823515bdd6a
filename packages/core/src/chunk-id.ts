/**
 * A chunk id is a function of the chunk's position in the dataset and its path through the graph, and so
 * the same whenever the chunk is made again. `42` is the forty-third chunk of the dataset; where a chunk
 * becomes several, each carries its place among its siblings and their number: `42.1-2` is the second of
 * two, `42.1-2.0-3` the first of the three it became. A straight line adds nothing.
 */
export interface ChunkId {
  /** Position of the root chunk in the dataset, from 0. */
  readonly seq: number;
  /** The path below the root: `''`, or `.place-siblings` once for each division. */
  readonly path: string;
}

/** Without leading zeros, so that no chunk has two ids; an only child has no step of its own. */
const CHUNK_ID = /^(0|[1-9]\d{0,14})((?:\.(?:0|[1-9]\d{0,8})-[1-9]\d{0,8})*)$/;

export function formatChunkId(id: ChunkId): string {
  return `${id.seq}${id.path}`;
}

/** The inverse of {@link formatChunkId}; `undefined` for anything that it cannot have made. */
export function parseChunkId(text: string): ChunkId | undefined {
  const match = CHUNK_ID.exec(text);
  if (match === null) return undefined;
  const path = match[2] as string;
  for (const step of path.split('.').slice(1)) {
    const { place, siblings } = parseStep(step);
    if (place >= siblings || siblings < 2) return undefined;
  }
  return { seq: Number(match[1]), path };
}

/** The id of one of `siblings` chunks that `id` becomes; an only child keeps its parent's id. */
export function childId(id: ChunkId, place: number, siblings: number): ChunkId {
  return siblings === 1 ? id : { seq: id.seq, path: `${id.path}.${place}-${siblings}` };
}

/** Dataset order, and within one root the order of the graph. */
export function compareChunkIds(a: ChunkId, b: ChunkId): number {
  if (a.seq !== b.seq) return a.seq - b.seq;
  const [left, right] = [a.path.split('.'), b.path.split('.')];
  for (let depth = 1; depth < Math.min(left.length, right.length); depth++) {
    const [l, r] = [parseStep(left[depth] as string), parseStep(right[depth] as string)];
    if (l.place !== r.place) return l.place - r.place;
    if (l.siblings !== r.siblings) return l.siblings - r.siblings;
  }
  return left.length - right.length;
}

/** Splits `place-siblings`. */
export function parseStep(step: string): { readonly place: number; readonly siblings: number } {
  const dash = step.indexOf('-');
  return { place: Number(step.slice(0, dash)), siblings: Number(step.slice(dash + 1)) };
}
