import { isAbsolute, join } from 'node:path';

/**
 * Where the process was started. Every relative path is meant from there, as the shell's user has typed it, even
 * if a pipeline file changes the working directory when it is loaded.
 */
const START_DIRECTORY: string = process.cwd();

/**
 * The absolute path of one that is relative to where the process was started. It is not made shorter: `link/..` is
 * the parent of what the link leads to.
 */
export function fromStart(path: string): string {
  if (isAbsolute(path)) return path;
  return path === '' ? START_DIRECTORY : join(START_DIRECTORY, '/') + path;
}
