const MODULUS = 1n << 128n;

/** The running digest of a run in which nothing has been saved. */
export const EMPTY_DIGEST: string = '0'.repeat(32);

/**
 * Adds a chunk's digest to the running digest of its run. The sum modulo 2^128 does not depend on the
 * order in which chunks were saved, and unlike an exclusive or it notices a chunk that is there twice.
 *
 * @param running 32 hexadecimal digits
 * @param digest 32 hexadecimal digits, or empty for a chunk that left nothing to save
 */
export function addDigest(running: string, digest: string): string {
  if (digest === '') return running;
  const sum = (BigInt(`0x${running}`) + BigInt(`0x${digest}`)) % MODULUS;
  return sum.toString(16).padStart(32, '0');
}
