import { LeatError } from '@leat/core';

/**
 * Checks a path that a sink is defined with. A variable that is not set must not become the working directory.
 *
 * @param path as a file in JavaScript may give it
 * @throws LeatError `sink-unfit`
 */
export function checkPath(sink: string, option: string, path: unknown): void {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return;
  const found = typeof path === 'string' ? JSON.stringify(path) : String(path);
  throw new LeatError(
    'sink-unfit',
    `${sink}: expected ${option} to be the path of a directory, got ${found}: is a variable not set?`,
  );
}
