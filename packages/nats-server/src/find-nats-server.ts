import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { makeDirectory, claim } from '@leat/process-lock';
import { type NatsServerBinary, readVersion } from './binary.ts';
import {
  cacheDirectory,
  findCached,
  keep,
  openStaging,
  readStandIn,
  removeTree,
  writeStandIn,
} from './cache.ts';
import { unpackFromDebian } from './debian.ts';
import { NatsServerError, reasonOf } from './error.ts';
import { buildWithGo } from './go.ts';
import { findInstalled } from './installed.ts';
import { DEFAULT_RELEASE_URL, downloadRelease } from './release.ts';
import type { Rung, RungRequest } from './rung.ts';
import { sayWhile } from './say-while.ts';
import { MINIMUM_VERSION, PINNED_VERSION, isNewEnough, normalizeVersion } from './version.ts';

export interface FindNatsServerOptions {
  /**
   * Exactly this version, for tests against older servers. A server named by `NATS_SERVER_BIN` or
   * found on `PATH` is then used only if it has this version.
   *
   * @defaultValue any that is new enough; `PINNED_VERSION` where one must be fetched
   */
  readonly version?: string;
  /** @defaultValue `process.env` */
  readonly env?: NodeJS.ProcessEnv;
  /** Gets one line for each step that takes time, and for each server that is refused. */
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** The base address of the official releases. @defaultValue nats-server's releases on GitHub */
  readonly releaseUrl?: string;
}

type NamedRung = readonly [origin: 'release' | 'go' | 'debian', rung: Rung];

/** Seconds before minutes: a package was unpacked in 15 s where a build took 153. */
const RUNGS: readonly NamedRung[] = [
  ['release', downloadRelease],
  ['debian', unpackFromDebian],
  ['go', buildWithGo],
];

/**
 * Finds a nats-server, or gets one: `NATS_SERVER_BIN`, `PATH`, the cache, the official release, a
 * package of Debian or Ubuntu, a build with Go, in this order. What is fetched goes into the cache.
 */
export async function findNatsServer(
  options: FindNatsServerOptions = {},
): Promise<NatsServerBinary> {
  const { env = process.env, log = () => {}, signal } = options;
  signal?.throwIfAborted();
  const exact = options.version === undefined ? undefined : normalizeVersion(options.version);
  if (options.version !== undefined && exact === undefined) {
    throw new NatsServerError(`"${options.version}" is not a version such as ${PINNED_VERSION}`);
  }
  const installed = await findInstalled({ exact, env, log, signal });
  if (installed !== undefined) return installed;

  const directory = cacheDirectory(env);
  const cached = await fromCache(directory, exact, signal);
  if (cached !== undefined) return cached;
  const unlock = await lock(directory, log, signal);
  try {
    // Another process may have got it while this one waited.
    const arrived = await fromCache(directory, exact, signal);
    if (arrived !== undefined) return arrived;
    const request = {
      version: exact ?? PINNED_VERSION,
      exact: exact !== undefined,
      env,
      releaseUrl: options.releaseUrl ?? DEFAULT_RELEASE_URL,
      log,
      signal,
    };
    return await climb(directory, request);
  } finally {
    await unlock();
  }
}

async function fromCache(
  directory: string,
  exact: string | undefined,
  signal: AbortSignal | undefined,
): Promise<NatsServerBinary | undefined> {
  const standIn = exact === undefined ? await readStandIn(directory, PINNED_VERSION) : undefined;
  for (const version of [exact ?? PINNED_VERSION, standIn]) {
    if (version === undefined || normalizeVersion(version) === undefined) continue;
    if (exact === undefined && !isNewEnough(version)) continue;
    const path = await findCached(directory, version, signal);
    if (path !== undefined) return { path, version, origin: 'cache' };
  }
  return undefined;
}

/** Tries one rung after the other. A rung that fails says why, and the last resort says it all. */
async function climb(
  directory: string,
  request: Omit<RungRequest, 'staging'>,
): Promise<NatsServerBinary> {
  const { version, exact, log, signal } = request;
  const problems: string[] = [];
  for (const [origin, rung] of RUNGS) {
    const staging = await openStaging(directory);
    const startedAt = performance.now();
    try {
      const staged = await sayWhile(rung({ ...request, staging }), (seconds) =>
        log(`still getting nats-server (${origin}), for ${seconds} s now`),
      );
      const got = await readVersion(staged, signal);
      if (exact ? got !== version : !isNewEnough(got)) {
        throw new NatsServerError(`gave version ${got}, not ${version}`);
      }
      const path = await keep(directory, staged, got);
      if (got !== version) await writeStandIn(directory, version, got);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      log(`got nats-server ${got} (${origin}) in ${seconds} s, kept as ${path}`);
      return { path, version: got, origin };
    } catch (error) {
      signal?.throwIfAborted();
      problems.push(`${origin}: ${reasonOf(error)}`);
      log(`no nats-server by way of ${problems.at(-1)}`);
    } finally {
      await removeTree(staging);
    }
  }
  throw new NatsServerError(
    `no nats-server ${version} could be had (${problems.join('; ')}): install nats-server ` +
      `${MINIMUM_VERSION} or newer on PATH, or name one in NATS_SERVER_BIN, or install Go, ` +
      'or connect to a server that runs already with NATS_URL',
  );
}

/** Lets one process at a time fetch, so that ten that start together build one server and not ten. */
async function lock(
  directory: string,
  log: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  try {
    await makeDirectory(directory);
    let waiting = false;
    for (;;) {
      const holder = await claim(path, { pid: process.pid });
      if (holder === undefined) return () => removeTree(path);
      if (!waiting) log(`waiting for process ${holder.pid}, which is getting a nats-server`);
      waiting = true;
      await delay(100, undefined, { signal });
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new NatsServerError(
      `the cache folder ${directory} cannot be used (${reasonOf(error)}): set LEAT_CACHE_DIR to a ` +
        'folder that can be written, or name a nats-server in NATS_SERVER_BIN',
      { cause: error },
    );
  }
}
