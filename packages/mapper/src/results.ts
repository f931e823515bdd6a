import type { ChunkLimits, Origins } from '@leat/core';
import { type DeadRecord, textsOf } from '@leat/runtime';
import type { Work } from '@leat/sdk';
import { type Job, type JobResult, positionOf, type ResultPiece } from './job.ts';
import { KEPT, type Made, type WorkedOn } from './outcome.ts';
import { deadRecord } from './dead-record.ts';
import { routedResultOf } from './routed-result.ts';
import { MAX_RESULTS, withoutTooLong } from './too-long.ts';

/** Puts together what the records of a chunk became in a stage. */
export function resultIn(
  work: Work,
  job: Job,
  { outcomes, retries, recovered }: WorkedOn,
): JobResult {
  if (work.type === 'route') return routedResultOf(job, work.to, outcomes);
  return resultOf(job, outcomes as readonly Made[], { retries, recovered });
}

/**
 * Puts together what the records of a chunk became. What would be too long for a chunk is a dead record.
 *
 * @param most how many characters the results of a chunk may have
 */
export function resultOf(
  job: Job,
  outcomes: readonly Made[],
  done: Pick<WorkedOn, 'retries' | 'recovered'>,
  most: number = MAX_RESULTS,
): JobResult {
  const gathered = gather(job, outcomes);
  const { lines, origins, dead, expanded, filtered, kept, length, longest } = gathered;
  const books = { expanded, filtered, dead, ...done };
  // What nobody changed is not written anew.
  if (kept > 0 && kept === job.records) {
    return { pieces: [{ body: job.body, records: kept, origins }], ...books };
  }
  // An expansion is cut into pieces; one record for one is not.
  if ((expanded > 0 ? longest : length) > most) {
    const { arrived = textsOf(job.body) } = gathered;
    const fitting = withoutTooLong(outcomes, arrived, { most, isCut: expanded > 0 });
    return resultOf(job, fitting, done, most);
  }
  const limits = expanded > 0 ? { ...job.limits, most } : undefined;
  return { pieces: piecesOf(lines, origins, limits), ...books };
}

interface Gathered {
  readonly lines: string[];
  /** Of each line. */
  readonly origins: number[];
  readonly dead: DeadRecord[];
  /** The records as they arrived, if somebody asked. */
  readonly arrived: readonly string[] | undefined;
  readonly expanded: number;
  readonly filtered: number;
  readonly kept: number;
  /** How many characters all lines have. */
  readonly length: number;
  /** How many the lines of one record have at most. */
  readonly longest: number;
}

function gather(job: Job, outcomes: readonly Made[]): Gathered {
  const lines: string[] = [];
  const origins: number[] = [];
  const dead: DeadRecord[] = [];
  let arrived: readonly string[] | undefined;
  let [expanded, filtered, kept, length, longest] = [0, 0, 0, 0, 0];
  const add = (line: string, origin: number): void => {
    length += line.length;
    lines.push(line);
    origins.push(origin);
  };
  for (let index = 0; index < outcomes.length; index++) {
    const outcome = outcomes[index] as Made;
    const origin = job.origins?.[index] ?? index;
    const before = length;
    if (typeof outcome === 'string') {
      add(outcome, origin);
    } else if (outcome === KEPT) {
      arrived ??= textsOf(job.body);
      add(arrived[index] ?? '', origin);
      kept++;
    } else if ('error' in outcome) {
      arrived ??= textsOf(job.body);
      const position = positionOf(job, index);
      dead.push(deadRecord(index, position, arrived[index] ?? '', outcome));
    } else {
      if (outcome.length === 0) filtered++;
      else expanded += outcome.length - 1;
      for (const line of outcome) add(line, origin);
    }
    longest = Math.max(longest, length - before);
  }
  return { lines, origins, dead, arrived, expanded, filtered, kept, length, longest };
}

interface CutLimits extends ChunkLimits {
  /** How many characters a piece may have. */
  readonly most: number;
}

/**
 * Cuts an expansion that has more than twice the records of a chunk, evenly, so that no piece is much smaller
 * than the others. How often it is cut
 * depends on what the user's function returned, so a function that returns something else the next time
 * makes other chunks of it; one record for one is therefore never cut.
 *
 * @param limits absent for what is not cut
 */
function piecesOf(
  lines: readonly string[],
  origins: Origins,
  limits: CutLimits | undefined,
): ResultPiece[] {
  if (lines.length === 0) return [];
  const count = limits === undefined ? 1 : piecesWanted(lines, limits);
  if (count === 1) return [{ body: encode(lines), records: lines.length, origins }];
  return Array.from({ length: count }, (_, place) => {
    const [from, to] = share(lines, place, count);
    return {
      body: encode(lines.slice(from, to)),
      records: to - from,
      origins: origins.slice(from, to),
    };
  });
}

function piecesWanted(lines: readonly string[], { chunkSize, maxBytes, most }: CutLimits): number {
  const length = lines.reduce((sum, line) => sum + line.length + 1, 0);
  // Most often it is far from any limit; a character has three bytes at most.
  if (lines.length <= 2 * chunkSize && 3 * length <= Math.min(maxBytes, most)) return 1;
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  const byRecords = lines.length > 2 * chunkSize ? Math.ceil(lines.length / chunkSize) : 1;
  const byBytes = Math.ceil(bytes / maxBytes);
  const count = Math.min(lines.length, Math.max(byRecords, byBytes));
  // A few lines may be longer than all others together.
  const isEven = bytes <= most || everyPieceFits(lines, count, most);
  return isEven ? count : lines.length;
}

function everyPieceFits(lines: readonly string[], count: number, most: number): boolean {
  return Array.from({ length: count }, (_, place) => share(lines, place, count)).every(
    ([from, to]) => lines.slice(from, to).reduce((sum, line) => sum + line.length, 0) <= most,
  );
}

/** From where to where a piece goes, when all have as many lines, or one more. */
function share(lines: readonly string[], place: number, count: number): [number, number] {
  return [
    Math.floor((place * lines.length) / count),
    Math.floor(((place + 1) * lines.length) / count),
  ];
}

/** `Buffer.from` takes half the time of a `TextEncoder` on Node 24, and as long on Node 20. */
function encode(lines: readonly string[]): Uint8Array {
  let text = '';
  for (const line of lines) text += `${line}\n`;
  return Buffer.from(text);
}
