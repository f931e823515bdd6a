import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { LeatError, NO_COUNTS, type Position, parseChunkId, parsePosition } from '@leat/core';
import { type FailedChunkFile, parseFailedChunk } from '@leat/operate';
import type { TestChunk } from './walk.ts';

/**
 * Reads a file that `leat dead export` has written.
 *
 * @throws LeatError `invalid-configuration` if it is no such file, or has only the beginning of a record
 */
export async function readFailedChunk(file: string | URL): Promise<FailedChunkFile> {
  const path = typeof file === 'string' ? file : fileURLToPath(file);
  const chunk = parseFailedChunk(await readFile(path, 'utf8'), path);
  const cut = chunk.records.find(({ isCut }) => isCut === true);
  if (cut === undefined) return chunk;
  throw new LeatError(
    'invalid-configuration',
    `The file ${path} has only the beginning of record ${cut.index}, because the whole did not fit into a dead letter: take the record from the dataset, where it is ${cut.position}.`,
  );
}

/** The records of the file as the chunk that the stage was given, less those that did not fail. */
export function chunkOfFile({ chunk, records }: FailedChunkFile): TestChunk {
  const id = parseChunkId(chunk) ?? { seq: 0, path: '' };
  const places = records.map(({ position }) => parsePosition(position));
  const [first] = places;
  const offsets = places.map((place) => offsetFrom(first, place));
  const isOrdered = offsets.every((offset, at) => offset >= (offsets[at - 1] ?? 0));
  const counts = { ...NO_COUNTS, in: records.length };
  const body = Buffer.from(records.map(({ record }) => `${record}\n`).join(''));
  if (first !== undefined && isOrdered) {
    return { id, body, counts, position: first, origins: offsets };
  }
  const position: Position = { source: 'the file', unit: 'record', first: 0 };
  const origins = records.map(({ index }) => index);
  return { id, body, counts, position, origins };
}

function offsetFrom(first: Position | undefined, place: Position | undefined): number {
  const isSame = first?.source === place?.source && first?.unit === place?.unit;
  return isSame && place !== undefined ? place.first - (first?.first ?? 0) : -1;
}
