import type { ChunkLimits } from '@leat/core';
import type { JobResult } from './job.ts';
import { piecesOf } from './results.ts';
import { MAX_RESULTS } from './too-long.ts';

/** What a part of a chunk became, and which record of the chunk it began with. */
export interface PartResult {
  readonly from: number;
  readonly result: JobResult;
}

/** Puts together what the parts of a chunk became, as if it had been worked on whole. */
export function joinResults(parts: readonly PartResult[], limits: ChunkLimits): JobResult {
  const results = parts.map(({ result }) => result);
  const pieces = results.flatMap((result) => result.pieces);
  const text = Buffer.concat(pieces.map(({ body }) => body)).toString();
  const expanded = sum(results.map((result) => result.expanded));
  return {
    pieces: piecesOf(
      text.split('\n').slice(0, -1),
      pieces.flatMap(({ origins }) => origins),
      expanded > 0 ? { ...limits, most: MAX_RESULTS } : undefined,
    ),
    expanded,
    filtered: sum(results.map((result) => result.filtered)),
    dead: parts.flatMap(({ from, result }) =>
      result.dead.map((dead) => Object.assign({}, dead, { index: from + dead.index })),
    ),
    retries: sum(results.map((result) => result.retries)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
