import { type ChunkId, parseChunkId } from './chunk-id.ts';
import { type PipelineSpec, readersOf, sourcesOf, stageOf } from './spec.ts';

/**
 * Whether a chunk can have reached a stage by the run's graph: where several stages read from one, each has
 * a place of its own among them, and the chunk's id has that place and their number.
 */
export function canReach(spec: PipelineSpec, stage: string, chunk: string): boolean {
  const path = parseChunkId(chunk)?.path;
  return path !== undefined && arrivals(spec, stage, path, new Map()).has(path.length);
}

/** By stage, how far the path of a chunk may have come in front of it. */
type Arrivals = Map<string, ReadonlySet<number>>;

/**
 * How much of a path may have been said when the chunk came to a stage, in characters: a mapper or a route may divide
 * a chunk, fan-out adds the reader's place, and what was given up in a stage comes to it again. There may be many ways
 * to a stage; how far the path has come is all that matters of them.
 */
function arrivals(
  spec: PipelineSpec,
  stage: string,
  path: string,
  known: Arrivals,
): ReadonlySet<number> {
  const found = known.get(stage);
  if (found !== undefined) return found;
  const number = spec.stages.findIndex(({ name }) => name === stage);
  const reached = spec.stages[number];
  const ends = new Set<number>(reached?.kind === 'fetcher' ? [0] : []);
  for (const source of reached === undefined ? [] : sourcesOf(reached)) {
    const upstream = stageOf(source);
    const isDivided = spec.stages.some(({ name, kind }) => name === upstream && kind === 'mapper');
    const readers = readersOf(spec, source);
    const place = readers.findIndex(({ name }) => name === stage);
    const fork = readers.length > 1 ? `\\.${place}-${readers.length}` : '';
    for (const start of arrivals(spec, upstream, path, known)) {
      for (const divided of isDivided ? after(path, DIVISION, start) : [start]) {
        for (const forked of after(path, fork, divided)) {
          for (const end of after(path, redrivenIn(number), forked)) ends.add(end);
        }
      }
    }
  }
  known.set(stage, ends);
  return ends;
}

/** None, or one step. */
const DIVISION = '(?:\\.\\d+-\\d+)?';

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
