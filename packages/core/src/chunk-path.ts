import { parseChunkId } from './chunk-id.ts';
import { type PipelineSpec, readersOf } from './spec.ts';

/**
 * Whether a chunk can have reached a stage by the run's graph: where several stages read from one, each has
 * a place of its own among them, and the chunk's id has that place and their number.
 */
export function canReach(spec: PipelineSpec, stage: string, chunk: string): boolean {
  const path = parseChunkId(chunk)?.path;
  if (path === undefined) return false;
  let at = 0;
  for (const step of forksBefore(spec, stage)) {
    const found = `${path}.`.replaceAll('~', '.~').indexOf(`.${step}.`, at);
    if (found < 0) return false;
    at = found + step.length + 1;
  }
  return true;
}

/** The steps that fan-out adds on the way from the fetcher to a stage, as `place-siblings`. */
function forksBefore(spec: PipelineSpec, stage: string): string[] {
  const from = spec.stages.find(({ name }) => name === stage)?.from;
  if (from === undefined) return [];
  const readers = readersOf(spec, from);
  const place = readers.findIndex(({ name }) => name === stage);
  const before = forksBefore(spec, from);
  return readers.length > 1 ? [...before, `${place}-${readers.length}`] : before;
}
