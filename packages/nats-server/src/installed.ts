import { access, constants, realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { BINARY_NAME, type NatsServerBinary, readVersion } from './binary.ts';
import { NatsServerError, reasonOf } from './error.ts';
import { isNewEnough, refusal } from './version.ts';

export interface InstalledSearch {
  /** Nothing but this version will do. */
  readonly exact: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** Finds a server that is there already: the one that `NATS_SERVER_BIN` names, or one on `PATH`. */
export async function findInstalled(
  search: InstalledSearch,
): Promise<NatsServerBinary | undefined> {
  return (await named(search)) ?? (await onPath(search));
}

/** The one who names a server wants that one: it is used or it is an error, never passed over in silence. */
async function named(search: InstalledSearch): Promise<NatsServerBinary | undefined> {
  const { exact, env, signal } = search;
  const path = env['NATS_SERVER_BIN'] ?? '';
  if (path === '') return undefined;
  let version: string;
  try {
    if (!(await isProgram(path))) throw new NatsServerError('there is no program of this name');
    version = await readVersion(path, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (exact !== undefined) return undefined;
    throw new NatsServerError(`NATS_SERVER_BIN=${path} cannot be used: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  if (exact !== undefined) return version === exact ? { path, version, origin: 'env' } : undefined;
  if (!isNewEnough(version)) {
    throw new NatsServerError(`NATS_SERVER_BIN is refused: ${refusal(path, version)}`);
  }
  return { path, version, origin: 'env' };
}

/** The first on `PATH` that is new enough: an old one in front does not hide a good one behind it. */
async function onPath(search: InstalledSearch): Promise<NatsServerBinary | undefined> {
  const { exact, env, log, signal } = search;
  const seen = new Set<string>();
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, BINARY_NAME);
    if (folder === '' || !(await isProgram(path))) continue;
    const real = await realpath(path);
    if (seen.has(real)) continue;
    seen.add(real);
    try {
      const version = await readVersion(path, signal);
      if (exact === undefined ? isNewEnough(version) : version === exact) {
        return { path, version, origin: 'path' };
      }
      if (exact === undefined) log(refusal(path, version));
    } catch (error) {
      signal?.throwIfAborted();
      log(`${path} is passed over: ${reasonOf(error)}`);
    }
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
