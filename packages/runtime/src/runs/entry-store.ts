import {
  type Format,
  formatAgeOf,
  isNewerVersion,
  type LeatError,
  newerVersion,
  writtenVersion,
} from '@leat/core';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { KV, KvEntry } from '@nats-io/kv';
import type { Logger } from '@leat/sdk';
import { apiCode } from '../jetstream/provision.ts';
import { FIRST_REVISION } from './bucket.ts';
import { messagesOf } from '../jetstream/stored-messages.ts';
import type { Shape } from '../shape.ts';

const WRONG_REVISION = 10071;

/** What an entry holds, and the revision that a compare-and-set names. */
export interface Entry<T> {
  readonly value: T;
  readonly revision: number;
  /** When it was written, by the server's clock in milliseconds since 1970. */
  readonly writtenAt: number;
}

/** The formats of entries, by how their keys begin. */
const FORMAT_OF: Readonly<Record<string, Format>> = {
  run: 'request',
  progress: 'progress',
  wish: 'wish',
  redrive: 'redrive',
  code: 'note',
  sink: 'note',
  trouble: 'note',
};

/** Whether a write was refused because somebody else has written meanwhile. */
export function isWrongRevision(error: unknown): boolean {
  return apiCode(error) === WRONG_REVISION;
}

/**
 * The entries of a pipeline's key-value bucket as JSON values, each with the version of its format. What Leat
 * did not write is taken for absent; what only a newer Leat can read is never written over.
 */
export class EntryStore {
  readonly #kv: KV;
  readonly bucket: string;
  readonly #manager: JetStreamManager;
  readonly #logger: Logger | undefined;
  /** By their keys, the revisions that were found not to be written by Leat, or by a newer one. */
  readonly #foreign = new Map<string, number>();

  /** @param logger told of entries that Leat did not write */
  constructor(kv: KV, bucket: string, manager: JetStreamManager, logger?: Logger) {
    this.#kv = kv;
    this.bucket = bucket;
    this.#manager = manager;
    this.#logger = logger;
  }

  /** @throws LeatError `newer-version` */
  async get<T>(key: string, isOurs: Shape<T>): Promise<Entry<T> | undefined> {
    const entry = await this.#kv.get(key);
    const value = this.#valueOf(entry, isOurs);
    if (entry === null || value === undefined) return undefined;
    return { value, revision: entry.revision, writtenAt: entry.created.getTime() };
  }

  /** As {@link get}; what only a newer Leat can read is left to it, and said in the log. */
  async find<T>(key: string, isOurs: Shape<T>): Promise<Entry<T> | undefined> {
    try {
      return await this.get(key, isOurs);
    } catch (error) {
      if (!isNewerVersion(error)) throw error;
      return undefined;
    }
  }

  /** The time by the clock of the server that has the bucket, in milliseconds since 1970. */
  async serverNow(): Promise<number> {
    const info = await this.#manager.streams.info(`KV_${this.bucket}`);
    return info.ts === undefined ? Date.now() : Date.parse(info.ts);
  }

  /** Whether there were entries and are none any more: of some, Leat never removes all. */
  async isEmptied(): Promise<boolean> {
    const { config, state } = await this.#manager.streams.info(`KV_${this.bucket}`);
    return state.messages === 0 && state.last_seq >= Number(config.metadata?.[FIRST_REVISION] ?? 1);
  }

  /** Writes an entry, whatever stands there. @throws LeatError `newer-version` */
  async put(key: string, value: unknown): Promise<void> {
    this.#valueOf(await this.#kv.get(key), isAnything);
    await this.#kv.put(key, textOf(key, value));
  }

  /**
   * Writes an entry if there is none; one that Leat did not write is written over.
   *
   * @returns its revision
   * @throws what {@link isWrongRevision} knows, if there is one; LeatError `newer-version`
   */
  async create<T>(key: string, value: unknown, isOurs: Shape<T>): Promise<number> {
    const text = textOf(key, value);
    try {
      return await this.#kv.create(key, text);
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
      const found = await this.#kv.get(key);
      if (found === null || this.#valueOf(found, isOurs) !== undefined) throw error;
      return await this.#kv.update(key, text, found.revision);
    }
  }

  /**
   * Writes over an entry.
   *
   * @param revision the one that it has; 0 if there is none
   * @returns the new revision
   * @throws what {@link isWrongRevision} knows, if it has another
   */
  async update<T>(
    key: string,
    value: unknown,
    revision: number,
    isOurs: Shape<T>,
  ): Promise<number> {
    if (revision === 0) return this.create(key, value, isOurs);
    return this.#kv.update(key, textOf(key, value), revision);
  }

  /**
   * Removes entries and all traces of them.
   *
   * @param keys one key, or several by `*` and `>`
   * @param revision the last one that is removed; any by default
   */
  async remove(keys: string, revision?: number): Promise<void> {
    const filter = `$KV.${this.bucket}.${keys}`;
    const upTo = revision === undefined ? {} : { seq: revision + 1 };
    await this.#manager.streams.purge(`KV_${this.bucket}`, { filter, ...upTo });
  }

  /**
   * What stands behind a prefix in the keys, and when the bucket was made. The client's own way to list keys
   * waits for ever if the server goes away meanwhile.
   *
   * @param rest `*` for one token, `>` for one or more
   */
  async keysAfter(
    prefix: string,
    rest: '*' | '>',
  ): Promise<{ readonly keys: string[]; readonly madeAt: string }> {
    const subject = `$KV.${this.bucket}.${prefix}`;
    const filter = { subjects_filter: `${subject}${rest}` };
    const { created, state } = await this.#manager.streams.info(`KV_${this.bucket}`, filter);
    const keys = Object.keys(state.subjects ?? {}).map((key) => key.slice(subject.length));
    return { keys, madeAt: created };
  }

  /**
   * Entries in the order in which they were written last, one read for each: a caller that has enough may
   * stop. Those that Leat did not write, and those that only a newer Leat can read, are passed over.
   *
   * @param keys several keys, by `*` and `>`
   * @param from the first revision that is looked at
   * @param onNewer told of an entry that only a newer Leat can read
   */
  async *inOrder<T>(
    keys: string,
    from: number,
    isOurs: Shape<T>,
    onNewer?: (key: string, error: LeatError) => void,
  ): AsyncGenerator<{ readonly key: string; readonly value: T }> {
    const prefix = `$KV.${this.bucket}.`;
    const stream = `KV_${this.bucket}`;
    const messages = messagesOf(this.#manager, stream, `${prefix}${keys}`, Math.max(1, from));
    for await (const message of messages) {
      if (message.header?.get('KV-Operation')) continue;
      const key = message.subject.slice(prefix.length);
      const found = jsonIn(message);
      if (formatAgeOf(formatOf(key), found) === 'newer') {
        const what = `The entry ${key} of ${this.bucket}`;
        onNewer?.(key, newerVersion(formatOf(key), what, fieldsOf(found).v));
        continue;
      }
      const value = withoutVersion(found);
      if (isOurs(value)) yield { key, value };
    }
  }

  /** What an entry holds, unless it is not there, or Leat did not write it. */
  #valueOf<T>(entry: KvEntry | null, isOurs: Shape<T>): T | undefined {
    if (entry === null || entry.operation !== 'PUT') return undefined;
    const value = jsonIn(entry);
    const { bucket, key } = entry;
    const format = formatOf(key);
    if (formatAgeOf(format, value) === 'newer') {
      const error = newerVersion(format, `The entry ${key} of ${bucket}`, fieldsOf(value).v);
      this.#sayOnce(entry, error.message);
      throw error;
    }
    const bare = withoutVersion(value);
    if (isOurs(bare)) return bare;
    this.#sayOnce(entry, 'entry not written by Leat, taken for absent');
    return undefined;
  }

  #sayOnce({ bucket, key, revision }: KvEntry, sentence: string): void {
    if (this.#foreign.get(key) === revision) return;
    this.#foreign.set(key, revision);
    this.#logger?.error({ bucket, key, revision }, sentence);
  }
}

/** What is no JSON is nothing that Leat has written. */
function jsonIn(entry: Pick<KvEntry, 'json'>): unknown {
  try {
    return entry.json();
  } catch {
    return undefined;
  }
}

function formatOf(key: string): Format {
  return FORMAT_OF[key.slice(0, key.indexOf('.'))] ?? 'note';
}

/** An entry as it is written. What is no object has no room for a version: it is of version 1. */
function textOf(key: string, value: unknown): string {
  const isObject = typeof value === 'object' && value !== null;
  return JSON.stringify(isObject ? { ...value, v: writtenVersion(formatOf(key), value) } : value);
}

function withoutVersion(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('v' in value)) return value;
  const { v: _, ...rest } = value;
  return rest;
}

function fieldsOf(value: unknown): { readonly v?: unknown } {
  return value as { readonly v?: unknown };
}

const isAnything: Shape<unknown> = (value): value is unknown => value !== undefined;
