import { type BigIntStats, linkSync, unlinkSync } from 'node:fs';
import { errorCode } from '../sink/error-code.ts';

/**
 * Tells one file from every other that ever was on its file system: inode numbers are used again, but
 * not for a file that was last written at the same nanosecond. Linking changes neither.
 */
export function fileToken(stats: BigIntStats): string {
  return `${stats.ino}:${stats.mtimeNs}`;
}

/**
 * The commit point: gives a file its final name, which succeeds for one of all who try.
 *
 * @returns whether it was this one
 */
export function linkOnce(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a file that is not under its final name, or not only. */
export function discard(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was never written, or was taken away with its folder.
  }
}
