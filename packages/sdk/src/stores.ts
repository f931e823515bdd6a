import type { Logger } from './logger.ts';

/** A value of a state store, and its revision. */
export interface StateEntry {
  readonly value: string;
  /** Another one after each write of the key, also if the key was deleted in between. */
  readonly revision: number;
}

/**
 * Keeps small texts by key, for all replicas of a pipeline. Keys are Leat's: parts of letters, digits, `-`, `_` and
 * `=`, joined by dots, up to 400 characters; a prefix is some whole parts, without the dot that follows. What is
 * written is read by everybody from then on.
 *
 * Every method may throw: the store is away then, and the record waits. A `TerminalError` says that it can
 * never be done, as for a value that is too large.
 */
export interface StateStore {
  readonly get: (key: string) => Promise<StateEntry | undefined>;
  /** Writes a key that is not there. @returns whether it was not */
  readonly create: (key: string, value: string) => Promise<boolean>;
  /** Writes a key that still has a revision. @returns whether it had */
  readonly update: (key: string, value: string, revision: number) => Promise<boolean>;
  /** Deletes a key, whether or not it is there. */
  readonly delete: (key: string) => Promise<void>;
  /** Deletes all keys that begin with a prefix and a dot. */
  readonly deletePrefix: (prefix: string) => Promise<void>;
  /**
   * The keys that begin with a prefix and a dot, in any order. Those that were deleted by `delete` may be among them:
   * nobody asks but to count a set, whose members are never deleted one by one, and to clean up.
   */
  readonly keys: (prefix: string) => Promise<readonly string[]>;
}

/** Keeps bytes by key, as a {@link StateStore} keeps texts; the last one who writes a key wins. */
export interface DataStore {
  readonly put: (key: string, bytes: Uint8Array) => Promise<void>;
  readonly get: (key: string) => Promise<Uint8Array | undefined>;
  readonly delete: (key: string) => Promise<void>;
  readonly deletePrefix: (prefix: string) => Promise<void>;
  readonly keys: (prefix: string) => Promise<readonly string[]>;
}

/** What stores are opened for. */
export interface StoresContext {
  /** The pipeline's name: pipelines do not see each other's keys. */
  readonly pipeline: string;
  readonly logger: Logger;
}

/** Stores that are open, until they are closed. */
export interface OpenStores {
  readonly state: StateStore;
  readonly data: DataStore;
  readonly close: () => Promise<void>;
}

/**
 * Where a pipeline's stages keep their state and their blobs. A process opens them when a stage needs them for the
 * first time. What `open` throws makes the record wait, as if the store were away.
 */
export interface Stores {
  /** For sentences: `postgres`. */
  readonly kind: string;
  readonly open: (context: StoresContext) => Promise<OpenStores>;
}
