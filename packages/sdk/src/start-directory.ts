import { isAbsolute, join } from 'node:path';
import { LeatError } from '@leat/core';

/**
 * Where the process was started. Every relative path is meant from there, as the shell's user has typed it, even
 * if a pipeline file changes the working directory when it is loaded.
 */
const START_DIRECTORY: string | undefined = startDirectory();

/**
 * The absolute path of one that is relative to where the process was started. It is not made shorter: `link/..` is
 * the parent of what the link leads to.
 *
 * @throws LeatError `invalid-configuration` if the process was started in a directory that is not there any more
 */
export function fromStart(path: string): string {
  if (isAbsolute(path)) return path;
  if (START_DIRECTORY !== undefined) {
    return path === '' ? START_DIRECTORY : join(START_DIRECTORY, '/') + path;
  }
  throw new LeatError(
    'invalid-configuration',
    `The working directory is not there, or may not be read, and the path ${JSON.stringify(path)} is relative to it. Change to a directory that is there.`,
  );
}

function startDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}
