import { createHash } from 'node:crypto';

/**
 * The digest of a saved chunk: the first 128 bits of SHA-256 over its id, a line feed, and its bytes, as
 * 32 hexadecimal digits. The id is part of it, so that swapping two chunks shows; the run is not, so that
 * two runs over the same data have the same digest.
 */
export function chunkDigest(chunk: string, body: Uint8Array): string {
  return createHash('sha256').update(`${chunk}\n`).update(body).digest('hex').slice(0, 32);
}
