import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Call } from './command.ts';

/** The version of the user's code: what the operator calls it, or a checksum of the pipeline file. */
export async function codeVersionOf({ settings }: Call, file: string): Promise<string> {
  if (settings.codeVersion !== undefined) return settings.codeVersion;
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 8);
}
