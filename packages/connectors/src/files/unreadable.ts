import { readlink } from 'node:fs/promises';
import { LeatError, messageOf } from '@leat/core';
import { fromStart } from '@leat/sdk';

/** For a file or folder that is there and will not be read. */
export function unreadable(name: string, cause: unknown): LeatError {
  return new LeatError(
    'source-missing',
    `${name} cannot be read (${messageOf(cause)}): give the process leave to read it.`,
    { cause },
  );
}

/** For a symbolic link that leads nowhere; `undefined` if the path is not one. */
export async function danglingLink(path: string): Promise<LeatError | undefined> {
  const target = await readlink(fromStart(path)).catch(() => undefined);
  if (target === undefined) return undefined;
  return new LeatError(
    'source-missing',
    `${path} is a symbolic link to ${target}, which cannot be reached: correct or remove the link.`,
  );
}
