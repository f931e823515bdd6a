import { createHash } from 'node:crypto';
import { rootOf } from '@leat/core';

/**
 * Keys of what stages keep, as state and data stores have them. A key has parts, joined by dots, and whole parts make
 * a prefix:
 *
 * - `r.<run>.<block>.<root>.<number>…`: of one record; `<block>` is its root, divided by `ROOTS_IN_BLOCK`
 * - `r.<run>.run…`: of the run
 * - `p…`: of the pipeline, for all its runs
 * - `k.<run>…`: blobs that are to be kept
 * - `w.<run>…`: that the run has used its stores, and is still to be cleaned up
 */
export const STATE_KEYS = {
  record: (run: string, chunk: string, number: number): string => {
    const root = rootOf(chunk);
    return `${STATE_KEYS.run(run)}.${Math.floor(root / ROOTS_IN_BLOCK)}.${root}.${number}`;
  },
  root: (run: string, root: number): string =>
    `${STATE_KEYS.run(run)}.${Math.floor(root / ROOTS_IN_BLOCK)}.${root}`,
  run: (run: string): string => `r.${run}`,
  sharedInRun: (run: string): string => `${STATE_KEYS.run(run)}.run`,
  sharedInPipeline: (): string => 'p',
  mark: (run: string): string => `w.${run}`,
} as const;

/** So many roots have a prefix of their own, and can be removed at once. */
const ROOTS_IN_BLOCK = 256;

/** The prefix of all marks, see `STATE_KEYS.mark`. */
export const STATE_MARKS = 'w';

/** What a key can have as a part, as it stands; anything else is hashed. */
const PLAIN = /^[A-Za-z0-9-]{1,40}$/;

/**
 * A part of a key for any text: the text itself, if a store takes it, else a digest. No two texts have the same, also
 * if they have halves of surrogate pairs.
 */
export function keyPart(text: string): string {
  return PLAIN.test(text) ? text : `_${hashOf(text)}`;
}

/** A part of a key that stands for several texts. */
export function hashedPart(...texts: readonly string[]): string {
  return hashOf(JSON.stringify(texts));
}

/** The root of a record's key; `undefined` for a key that is the run's. */
export function rootOfKey(key: string): number | undefined {
  const root = key.split('.')[3] ?? '';
  return /^\d+$/.test(root) ? Number(root) : undefined;
}

/** The run of a key that begins with `r`, `k` or `w`. */
export function runOfKey(key: string): string | undefined {
  return key.split('.')[1];
}

/** Halves of surrogate pairs have no bytes in UTF-8. */
function hashOf(text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('base64url');
}
