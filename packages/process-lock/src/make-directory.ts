import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from './error-code.ts';

/**
 * Makes a directory, and those above it, if they are not there. Node's own way to do so never comes back from a file
 * system that makes none, as `/proc`.
 *
 * @param mode of those that are made, by default what the process is allowed to
 * @throws what the system says; where it says that there is nothing above, although there is, an error with the
 *   code `EINVAL`
 */
export async function makeDirectory(path: string, mode?: number): Promise<void> {
  const failure = await tried(path, mode);
  if (failure === undefined) return;
  const above = dirname(path);
  if (errorCode(failure) !== 'ENOENT' || above === path) throw failure;
  await makeDirectory(above, mode);
  const second = await tried(path, mode);
  if (second === undefined) return;
  if (errorCode(second) !== 'ENOENT') throw second;
  const sentence = `no directory can be made in ${above}`;
  throw Object.assign(new Error(sentence, { cause: second }), { code: 'EINVAL' });
}

/** What stands in the way of a directory, if anything does. */
async function tried(path: string, mode: number | undefined): Promise<unknown> {
  try {
    await mkdir(path, { mode });
    return undefined;
  } catch (error) {
    const found = await stat(path).catch(() => undefined);
    return found?.isDirectory() === true ? undefined : error;
  }
}
