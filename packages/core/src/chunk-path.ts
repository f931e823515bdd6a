import { type ChunkId, parseChunkId } from './chunk-id.ts';
import { type PipelineSpec, readersOf } from './spec.ts';

/**
 * Whether a chunk can have reached a stage by the run's graph: where several stages read from one, each has
 * a place of its own among them, and the chunk's id has that place and their number.
 */
export function canReach(spec: PipelineSpec, stage: string, chunk: string): boolean {
  const path = parseChunkId(chunk)?.path;
  return path !== undefined && new RegExp(`^${pathsTo(spec, stage)}$`).test(path);
}

/**
 * The paths of chunks in front of a stage, as a regular expression: a mapper may divide a chunk, fan-out
 * adds the reader's place, and what was given up in a stage comes to it once more.
 */
function pathsTo(spec: PipelineSpec, stage: string): string {
  const from = spec.stages.find(({ name }) => name === stage)?.from;
  if (from === undefined) return '';
  const readers = readersOf(spec, from);
  const place = readers.findIndex(({ name }) => name === stage);
  const fork = readers.length > 1 ? `\\.${place}-${readers.length}` : '';
  const isDivided = spec.stages.some(({ name, kind }) => name === from && kind === 'mapper');
  const division = isDivided ? '(?:\\.\\d+-\\d+)?' : '';
  const number = spec.stages.findIndex(({ name }) => name === stage);
  return `${pathsTo(spec, from)}${division}${fork}(?:~${number}-\\d+(?:-\\d+)?)?`;
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
