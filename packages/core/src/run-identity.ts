import type { JsonValue } from './json.ts';
import { drawGraph } from './spec-difference.ts';
import type { PipelineSpec } from './spec.ts';

/** A run's parameters, by name, as they were given: text, if by `--param`. */
export type GivenParams = Readonly<Record<string, JsonValue>>;

/** Where a chunk ends. Fixed when a run begins: chunk ids mean nothing under other limits. */
export interface ChunkLimits {
  /** Most records in a chunk. */
  readonly chunkSize: number;
  /** Most bytes in a chunk's body; a single record above it is a chunk of its own. */
  readonly maxBytes: number;
}

/**
 * What tells a run from every other, on any server and in any sink, and what decides about its chunks.
 * Two runs with one id are two: of two pipelines, or begun on two servers.
 */
export interface RunIdentity {
  readonly pipeline: string;
  readonly run: string;
  /** The birth mark, see {@link newBirthMark}; empty for a run that an earlier version of Leat began. */
  readonly born: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** The graph, as `drawGraph` writes it. */
  readonly graph: string;
  readonly limits: ChunkLimits;
  /** They may say what the dataset is. */
  readonly params: GivenParams;
}

/**
 * A birth mark: 13 hexadecimal digits that a run is given when it begins, and no other ever has.
 *
 * @param random from 0 to 1, as `Math.random` gives it
 */
export function newBirthMark(random: number): string {
  return Math.floor(random * 2 ** 52)
    .toString(16)
    .padStart(13, '0');
}

/** What a run's request says of its identity; see `RunRequest`. */
interface Asked extends Pick<RunIdentity, 'pipeline' | 'run' | 'createdAt' | 'params'> {
  readonly born?: string;
  readonly limits?: ChunkLimits;
  readonly spec: PipelineSpec;
}

/** @param limits those of the pipeline file, for a run whose request does not have them yet */
export function identityOf(request: Asked, limits: ChunkLimits): RunIdentity {
  const { pipeline, run, born = '', createdAt, params, spec } = request;
  return {
    pipeline,
    run,
    born,
    createdAt,
    graph: drawGraph(spec),
    limits: request.limits ?? { chunkSize: limits.chunkSize, maxBytes: limits.maxBytes },
    params,
  };
}
