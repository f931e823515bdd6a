import { closeSync, existsSync, fstatSync, openSync } from 'node:fs';
import path from 'node:path';
import { writeDurably } from './durable-write.ts';
import { fileToken } from './link-once.ts';
import { namesIn } from './names-in.ts';
import type { RunFolder } from './run-folder.ts';
import { parseSegmentName, segmentName } from './segment-name.ts';

export function segmentPath(folder: Pick<RunFolder, 'segments'>, segment: number): string {
  return path.join(folder.segments, segmentName(segment));
}

/** The numbers of the segments that are there, in ascending order. */
export async function listSegments(folder: RunFolder): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await namesIn(folder.segments)) {
    const number = parseSegmentName(name);
    if (number !== undefined) numbers.push(number);
  }
  return numbers.toSorted((a, b) => a - b);
}

/** The numbers of the segments that are there from one number on, without a gap. */
export function segmentsFrom(folder: RunFolder, first: number): number[] {
  const numbers: number[] = [];
  for (let n = first; existsSync(segmentPath(folder, n)); n++) numbers.push(n);
  return numbers;
}

/**
 * Writes the file of a group, which is not yet under its final name.
 *
 * @param noted is given the file's token and writes the journal; what it does goes on while the file is synced
 */
export async function writeGroup(
  file: string,
  bodies: readonly Uint8Array[],
  fsync: boolean,
  noted: (token: string) => Promise<void>,
): Promise<void> {
  const fd = openSync(file, 'wx');
  try {
    await writeDurably(fd, bodies, false);
    const journal = noted(fileToken(fstatSync(fd, { bigint: true })));
    // Both are over before the file is closed, whichever fails.
    const outcomes = await Promise.allSettled([journal, writeDurably(fd, [], fsync)]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  } finally {
    closeSync(fd);
  }
}
