import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** The version of the user's code, where nobody gives it another: a checksum of the pipeline file. */
export async function codeVersionOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 8);
}
