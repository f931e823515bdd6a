/**
 * A chunk id is a function of the chunk's position in the dataset and its path through the graph, and so
 * the same whenever the chunk is made again. `42` is the forty-third chunk of the dataset; where a chunk
 * becomes several, each carries its place among its siblings and their number: `42.1-2` is the second of
 * two, `42.1-2.0-3` the first of the three it became. A straight line adds nothing.
 *
 * A record that was given up and is tried again is a chunk of its own: `42~1-17` is record 17 of chunk 42,
 * as it reached stage 1; `42~1-17-2` is the same record when it was given up there once more.
 */
export interface ChunkId {
  /** Position of the root chunk in the dataset, from 0. */
  readonly seq: number;
  /** The path below the root: a step for each division, and for each time that a record was redriven. */
  readonly path: string;
}

/** A redriven record: the chunk that it makes up, and the path of one of its leaves below that chunk. */
export interface Redriven {
  readonly record: ChunkId;
  /** As `ChunkId.path`, with the record in the place of the root. */
  readonly below: string;
}

/**
 * Without leading zeros, so that no chunk has two ids; an only child has no step of its own, and a first
 * redrive no number.
 */
const CHUNK_ID =
  /^(0|[1-9]\d{0,14})((?:\.(?:0|[1-9]\d{0,8})-[1-9]\d{0,8}|~(?:0|[1-9]\d{0,8})-(?:0|[1-9]\d{0,8})(?:-[1-9]\d{0,8})?)*)$/;
/** Room for more divisions than any graph has, and short enough for the name of a file. */
const MAX_LENGTH = 100;
const STEP = /([.~])(\d+)-(\d+)(?:-(\d+))?/g;
const LAST_REDRIVE = /~(\d+)-(\d+)(?:-(\d+))?$/;

/** More than any place: in its chunk's order, a redriven record comes after what the chunk became. */
const AFTER_ALL_PLACES = 1_000_000_000;

export function formatChunkId(id: ChunkId): string {
  return `${id.seq}${id.path}`;
}

/** The inverse of {@link formatChunkId}; `undefined` for anything that it cannot have made. */
export function parseChunkId(text: string): ChunkId | undefined {
  const match = text.length > MAX_LENGTH ? null : CHUNK_ID.exec(text);
  if (match === null) return undefined;
  const path = match[2] as string;
  for (const [, kind, first, second, time] of path.matchAll(STEP)) {
    const [place, siblings] = [Number(first), Number(second)];
    if (kind === '~' ? time === '1' : place >= siblings || siblings < 2) return undefined;
  }
  return { seq: Number(match[1]), path };
}

/** The id of one of `siblings` chunks that `id` becomes; an only child keeps its parent's id. */
export function childId(id: ChunkId, place: number, siblings: number): ChunkId {
  return siblings === 1 ? id : { seq: id.seq, path: `${id.path}.${place}-${siblings}` };
}

/**
 * The id under which a dead letter's record is tried again: a function of the letter, and of no other one.
 *
 * @param id the chunk in which the record was given up
 * @param stage the number of the stage that did, in the order of the run's spec
 * @param index which record of the chunk, from 0
 */
export function redriveId(id: ChunkId, stage: number, index: number): ChunkId {
  const last = LAST_REDRIVE.exec(id.path);
  if (last === null || Number(last[1]) !== stage) {
    return { seq: id.seq, path: `${id.path}~${stage}-${index}` };
  }
  const [step, , place, time = '1'] = last;
  const before = id.path.slice(0, -step.length);
  return { seq: id.seq, path: `${before}~${stage}-${place}-${Number(time) + 1}` };
}

/** Which redriven record a chunk belongs to; `undefined` for a chunk of the dataset. */
export function redrivenOf(id: ChunkId): Redriven | undefined {
  const at = id.path.lastIndexOf('~');
  if (at === -1) return undefined;
  const end = id.path.indexOf('.', at);
  const length = end === -1 ? id.path.length : end;
  return { record: { seq: id.seq, path: id.path.slice(0, length) }, below: id.path.slice(length) };
}

/**
 * The numbers of a chunk id; compared from the first to the last, and what is shorter before what goes on,
 * they are in the order of {@link compareChunkIds}. No two ids have the same.
 */
export function ordinalOf(id: ChunkId): number[] {
  const numbers = [id.seq];
  if (id.path === '') return numbers;
  for (const [, kind, first, second, time = 1] of id.path.matchAll(STEP)) {
    if (kind === '~') numbers.push(AFTER_ALL_PLACES, Number(first), Number(second), Number(time));
    else numbers.push(Number(first), Number(second));
  }
  return numbers;
}

/** Dataset order; within one root the order of the graph, and what was redriven after what was not. */
export function compareChunkIds(a: ChunkId, b: ChunkId): number {
  if (a.seq !== b.seq) return a.seq - b.seq;
  const [left, right] = [ordinalOf(a), ordinalOf(b)];
  for (let at = 1; at < Math.min(left.length, right.length); at++) {
    const [l, r] = [left[at] as number, right[at] as number];
    if (l !== r) return l - r;
  }
  return left.length - right.length;
}

/** Whether one chunk comes before another in dataset order, by their ids; what is no chunk id comes last. */
export function precedes(a: string, b: string): boolean {
  const [left, right] = [parseChunkId(a), parseChunkId(b)];
  if (left === undefined || right === undefined) return left !== undefined;
  return compareChunkIds(left, right) < 0;
}

/** Splits `place-siblings`. */
export function parseStep(step: string): { readonly place: number; readonly siblings: number } {
  const dash = step.indexOf('-');
  return { place: Number(step.slice(0, dash)), siblings: Number(step.slice(dash + 1)) };
}
