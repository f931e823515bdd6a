import { type BigIntStats, closeSync, fstatSync, linkSync, openSync } from 'node:fs';
import path from 'node:path';
import { type ChunkId, compareChunkIds } from '@leat/core';
import { writeDurably } from './durable-write.ts';
import { errorCode } from '../sink/error-code.ts';
import type { RunFolder } from './ndjson-folder.ts';
import { namesIn } from './names-in.ts';
import { parseSegmentName, segmentName } from './segment-name.ts';

export function segmentPath(folder: RunFolder, id: ChunkId): string {
  return path.join(folder.segments, segmentName(id));
}

/**
 * Tells one file from every other that ever was on its file system: inode numbers are used again, but
 * not for a file that was last written at the same nanosecond. Linking changes neither.
 */
export function fileToken(stats: BigIntStats): string {
  return `${stats.ino}:${stats.mtimeNs}`;
}

/** Writes a file that is not yet under its final name, durably, and returns its token. */
export async function writeTemporary(
  file: string,
  body: Uint8Array,
  fsync: boolean,
): Promise<string> {
  const fd = openSync(file, 'wx');
  try {
    await writeDurably(fd, body, fsync);
    return fileToken(fstatSync(fd, { bigint: true }));
  } finally {
    closeSync(fd);
  }
}

/**
 * The commit point: gives a file its final name, which succeeds for one of all who try.
 *
 * @returns whether it was this one
 */
export function linkSegment(file: string, segment: string): boolean {
  try {
    linkSync(file, segment);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Every committed chunk, in dataset order. */
export async function listSegments(folder: RunFolder): Promise<ChunkId[]> {
  const ids: ChunkId[] = [];
  for (const name of await namesIn(folder.segments)) {
    const id = parseSegmentName(name);
    if (id !== undefined) ids.push(id);
  }
  return ids.toSorted(compareChunkIds);
}
