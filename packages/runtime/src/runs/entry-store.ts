import type { JetStreamManager } from '@nats-io/jetstream';
import type { KV, KvEntry } from '@nats-io/kv';
import type { Logger } from '@leat/sdk';
import { apiCode } from '../jetstream/provision.ts';
import { messagesOf } from '../jetstream/stored-messages.ts';
import type { Shape } from '../shape.ts';

const WRONG_REVISION = 10071;

/** What an entry holds, and the revision that a compare-and-set names. */
export interface Entry<T> {
  readonly value: T;
  readonly revision: number;
}

/** Whether a write was refused because somebody else has written meanwhile. */
export function isWrongRevision(error: unknown): boolean {
  return apiCode(error) === WRONG_REVISION;
}

/** The entries of a pipeline's key-value bucket as JSON values; what Leat did not write is taken for absent. */
export class EntryStore {
  readonly #kv: KV;
  readonly bucket: string;
  readonly #manager: JetStreamManager;
  readonly #logger: Logger | undefined;
  /** By their keys, the revisions that were found not to be written by Leat. */
  readonly #foreign = new Map<string, number>();

  /** @param logger told of entries that Leat did not write */
  constructor(kv: KV, bucket: string, manager: JetStreamManager, logger?: Logger) {
    this.#kv = kv;
    this.bucket = bucket;
    this.#manager = manager;
    this.#logger = logger;
  }

  async get<T>(key: string, isOurs: Shape<T>): Promise<Entry<T> | undefined> {
    const entry = await this.#kv.get(key);
    const value = this.#valueOf(entry, isOurs);
    return value === undefined ? undefined : { value, revision: entry?.revision ?? 0 };
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.#kv.put(key, JSON.stringify(value));
  }

  /**
   * Writes an entry if there is none; one that Leat did not write is written over.
   *
   * @returns its revision
   * @throws what {@link isWrongRevision} knows, if there is one
   */
  async create<T>(key: string, value: unknown, isOurs: Shape<T>): Promise<number> {
    const text = JSON.stringify(value);
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
    return this.#kv.update(key, JSON.stringify(value), revision);
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
   * stop. Those that Leat did not write are passed over.
   *
   * @param keys several keys, by `*` and `>`
   * @param from the first revision that is looked at
   */
  async *inOrder<T>(
    keys: string,
    from: number,
    isOurs: Shape<T>,
  ): AsyncGenerator<{ readonly key: string; readonly value: T }> {
    const prefix = `$KV.${this.bucket}.`;
    const stream = `KV_${this.bucket}`;
    const messages = messagesOf(this.#manager, stream, `${prefix}${keys}`, Math.max(1, from));
    for await (const message of messages) {
      if (message.header?.get('KV-Operation')) continue;
      const value = jsonIn(message);
      if (isOurs(value)) yield { key: message.subject.slice(prefix.length), value };
    }
  }

  /** What an entry holds, unless it is not there, or Leat did not write it. */
  #valueOf<T>(entry: KvEntry | null, isOurs: Shape<T>): T | undefined {
    if (entry === null || entry.operation !== 'PUT') return undefined;
    const value = jsonIn(entry);
    if (isOurs(value)) return value;
    const { bucket, key, revision } = entry;
    if (this.#foreign.get(key) !== revision) {
      this.#foreign.set(key, revision);
      this.#logger?.error({ bucket, key, revision }, 'entry not written by Leat, taken for absent');
    }
    return undefined;
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
