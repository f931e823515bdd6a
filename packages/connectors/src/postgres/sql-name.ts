import { isUtf8 } from 'node:buffer';
import { LeatError } from '@leat/core';

/** PostgreSQL cuts longer ones, and then finds another name than it was given. */
const MAX_BYTES = 63;

/** Names that Leat's own tables and columns have. */
const TAKEN = {
  table: ['leat_receipts', 'leat_fences', 'leat_checksums'],
  schema: [],
  column: ['_run', '_chunk', '_index'],
} as const;

/**
 * Checks the name of something in the database, which is the user's.
 *
 * @param name as a file in JavaScript may give it
 * @throws LeatError `sink-unfit`
 */
export function checkSqlName(kind: keyof typeof TAKEN, name: unknown): void {
  const taken: readonly string[] = TAKEN[kind];
  if (typeof name === 'string' && isUsable(name) && !taken.includes(name)) return;
  const found = typeof name === 'string' ? JSON.stringify(name) : String(name);
  const others = taken.length === 0 ? '' : `, and not one of ${taken.join(', ')}`;
  throw new LeatError(
    'sink-unfit',
    `The sink cannot use a ${kind} with the name ${found}: a name must have 1 to ${MAX_BYTES} bytes of text${others}.`,
  );
}

function isUsable(name: string): boolean {
  const bytes = Buffer.from(name);
  // A half of a surrogate pair has no bytes of its own.
  const isText = isUtf8(bytes) && bytes.toString() === name && !name.includes('\0');
  return isText && bytes.length >= 1 && bytes.length <= MAX_BYTES;
}
