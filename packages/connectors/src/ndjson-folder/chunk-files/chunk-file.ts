import { closeSync, fstatSync, openSync } from 'node:fs';
import path from 'node:path';
import { type ChunkId, compareChunkIds } from '@leat/core';
import { writeDurably } from '../durable-write.ts';
import { fileToken } from '../link-once.ts';
import { namesIn } from '../names-in.ts';
import type { RunFolder } from '../run-folder.ts';
import { parseSegmentName, segmentName } from './chunk-file-name.ts';

export function segmentPath(folder: RunFolder, id: ChunkId): string {
  return path.join(folder.segments, segmentName(id));
}

/** Writes a file that is not yet under its final name, durably, and returns its token. */
export async function writeTemporary(
  file: string,
  body: Uint8Array,
  fsync: boolean,
): Promise<string> {
  const fd = openSync(file, 'wx');
  try {
    await writeDurably(fd, [body], fsync);
    return fileToken(fstatSync(fd, { bigint: true }));
  } finally {
    closeSync(fd);
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
