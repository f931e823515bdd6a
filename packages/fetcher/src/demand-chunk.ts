import { formatPosition, LeatError, parsePosition } from '@leat/core';
import { countLines, type SourceChunk } from '@leat/sdk';

const LINE_FEED = 0x0a;

/**
 * What a source gave, if it is a chunk. Whoever writes a source may not use TypeScript, and a chunk that is none
 * would be refused by every service that reads it, again and again.
 *
 * @throws LeatError `source-damaged`, which fails the run, and lets it be resumed
 */
export function demandChunk(given: unknown): SourceChunk {
  const fault = faultOf(given as Partial<SourceChunk> | null | undefined);
  if (fault === undefined) return given as SourceChunk;
  const sentence = `The source gave something that is not a chunk: ${fault}. Mend the source, and resume the run.`;
  throw new LeatError('source-damaged', sentence);
}

function faultOf(chunk: Partial<SourceChunk> | null | undefined): string | undefined {
  if (typeof chunk !== 'object' || chunk === null) return `it is ${String(chunk)}`;
  const { body, records, nextCursor, position, rejected = [] } = chunk;
  const fault = faultOfBody(body, records);
  if (fault !== undefined) return fault;
  if (nextCursor === undefined) return 'it has no nextCursor';
  if (!position || parsePosition(formatPosition(position)) === undefined) {
    return 'its position is not { source, unit, first }: a name, line, row, element or record, and a whole number';
  }
  const isSound = Array.isArray(rejected) && rejected.every(isRejected);
  return isSound ? undefined : 'its rejected is not a list of { offset, raw, reason }';
}

function faultOfBody(body: unknown, records: unknown): string | undefined {
  if (!(body instanceof Uint8Array)) return 'its body is not a Uint8Array';
  if (!Number.isSafeInteger(records) || (records as number) < 0) {
    return 'its records is not the number of its lines';
  }
  if (body.length === 0 ? records !== 0 : body.at(-1) !== LINE_FEED || records === 0) {
    return 'its body is not as many lines as its records says, each ended by a line feed';
  }
  // Some 4 µs for a chunk of 20 KB. A mapper would find it too late, and could not blame the source.
  const lines = countLines(body);
  return lines === records
    ? undefined
    : `its body has ${lines} lines, and its records says ${records as number}`;
}

function isRejected(entry: unknown): boolean {
  if (typeof entry !== 'object' || entry === null) return false;
  const { offset, raw, reason } = entry as Readonly<Record<string, unknown>>;
  return Number.isSafeInteger(offset) && typeof raw === 'string' && typeof reason === 'string';
}
