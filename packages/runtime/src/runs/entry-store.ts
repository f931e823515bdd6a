import { formatAgeOf, isNewerVersion, type LeatError, newerVersion } from '@leat/core';
import type { JetStreamClient, JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { Logger } from '@leat/sdk';
import { apiCode } from '../jetstream/provision.ts';
import { FIRST_REVISION } from './bucket.ts';
import { fieldsOf, formatOf, jsonIn, textOf, withoutVersion } from './entry-text.ts';
import { messagesOf } from '../jetstream/stored-messages.ts';
import type { Shape } from '../shape.ts';
import { RefusedEntries } from '../signing/refused-entries.ts';
import { keyIdOf, partsOf } from '../signing/signature.ts';
import type { Signing } from '../signing/signing.ts';

const WRONG_REVISION = 10071;
/** What the client of NATS takes for a key, too. */
const KEY = /^(?!\.)[-/=.\w]+(?<!\.)$/;

/** What an entry holds, and the revision that a compare-and-set names. */
export interface Entry<T> {
  readonly value: T;
  readonly revision: number;
  /** When it was written, by the server's clock in milliseconds since 1970. */
  readonly writtenAt: number;
  /** The key with which it says that it was signed. */
  readonly signer: string | undefined;
}

/** What the entries of a bucket are read and written with. */
export interface EntryStoreParts {
  readonly bucket: string;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Signs what is written, and says which entries are believed; all are without it. */
  readonly signing: Signing | undefined;
  /** Told of entries that Leat did not write. */
  readonly logger?: Logger | undefined;
}

/** Whether a write was refused because somebody else has written meanwhile. */
export function isWrongRevision(error: unknown): boolean {
  return apiCode(error) === WRONG_REVISION;
}

/**
 * The entries of a pipeline's key-value bucket as JSON values, each with the version of its format. What Leat
 * did not write is taken for absent; what only a newer Leat can read is never written over.
 */
export class EntryStore {
  readonly bucket: string;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #signing: Signing | undefined;
  readonly #refused: RefusedEntries;
  readonly #logger: Logger | undefined;
  /** By their keys, the revisions that were found not to be written by Leat, or by a newer one. */
  readonly #foreign = new Map<string, number>();

  constructor({ bucket, client, manager, signing, logger }: EntryStoreParts) {
    this.bucket = bucket;
    this.#client = client;
    this.#manager = manager;
    this.#signing = signing;
    this.#refused = new RefusedEntries(signing);
    this.#logger = logger;
  }

  /** @throws LeatError `newer-version` */
  async get<T>(key: string, isOurs: Shape<T>): Promise<Entry<T> | undefined> {
    const entry = await this.#read(key);
    const value = this.#valueOf(entry, isOurs);
    if (entry === null || value === undefined) return undefined;
    const signer = keyIdOf({ headers: entry.header });
    return { value, revision: entry.seq, writtenAt: entry.time.getTime(), signer };
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

  /**
   * As {@link find}, also what is not believed: for what people are shown, and nothing is decided by.
   *
   * @returns the value, and whether it is believed
   */
  async hear<T>(
    key: string,
    isOurs: Shape<T>,
  ): Promise<{ readonly value: T; readonly isBelieved: boolean } | undefined> {
    const entry = await this.#read(key);
    try {
      const value = entry === null ? undefined : this.#shaped(entry, isOurs);
      if (entry === null || value === undefined) return undefined;
      return { value, isBelieved: this.#signing?.believes(partsOf(entry)) ?? true };
    } catch (error) {
      if (!isNewerVersion(error)) throw error;
      return undefined;
    }
  }

  /** Whether an entry was refused so lately that it need not be read. */
  wasRefused(key: string): boolean {
    return this.#refused.hadLately(key);
  }

  /** Whether this process signs what it writes. */
  get signs(): boolean {
    return this.#signing !== undefined;
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
    this.#valueOf(await this.#read(key), isAnything);
    await this.#write(key, value);
  }

  /**
   * Writes an entry if there is none; one that Leat did not write is written over.
   *
   * @returns its revision
   * @throws what {@link isWrongRevision} knows, if there is one; LeatError `newer-version`
   */
  async create<T>(key: string, value: unknown, isOurs: Shape<T>): Promise<number> {
    try {
      return await this.#write(key, value, 0);
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
      const found = await this.#read(key);
      if (found === null || this.#valueOf(found, isOurs) !== undefined) throw error;
      return await this.#write(key, value, found.seq);
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
    return this.#write(key, value, revision);
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
      if (isRemoved(message) || this.#isRefused(message)) continue;
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

  /** An entry as it stands there, whoever wrote it. */
  #read(key: string): Promise<StoredMsg | null> {
    const last = { last_by_subj: this.#subjectOf(key) };
    return this.#manager.streams.getMessage(`KV_${this.bucket}`, last);
  }

  /** @param revision the one that it must have; any by default */
  async #write(key: string, value: unknown, revision?: number): Promise<number> {
    const subject = this.#subjectOf(key);
    const bytes = Buffer.from(textOf(key, value));
    const signed = this.#signing && headers();
    if (signed !== undefined) this.#signing?.sign(subject, signed, bytes);
    const { seq } = await this.#client.publish(subject, bytes, {
      ...(signed !== undefined && { headers: signed }),
      ...(revision !== undefined && { expect: { lastSubjectSequence: revision } }),
    });
    return seq;
  }

  #subjectOf(key: string): string {
    if (!KEY.test(key)) throw new Error(`${JSON.stringify(key)} is not the key of an entry`);
    return `$KV.${this.bucket}.${key}`;
  }

  #isRefused(entry: StoredMsg): boolean {
    return !isRemoved(entry) && this.#refused.has(this.#keyOf(entry), entry);
  }

  #keyOf({ subject }: StoredMsg): string {
    return subject.slice(`$KV.${this.bucket}.`.length);
  }

  /** What an entry holds, unless it is not there, or Leat did not write it, or it is not believed. */
  #valueOf<T>(entry: StoredMsg | null, isOurs: Shape<T>): T | undefined {
    return entry === null || this.#isRefused(entry) ? undefined : this.#shaped(entry, isOurs);
  }

  /** What an entry holds, whether it is believed or not. */
  #shaped<T>(entry: StoredMsg, isOurs: Shape<T>): T | undefined {
    if (isRemoved(entry)) return undefined;
    const value = jsonIn(entry);
    const key = this.#keyOf(entry);
    const format = formatOf(key);
    if (formatAgeOf(format, value) === 'newer') {
      const error = newerVersion(format, `The entry ${key} of ${this.bucket}`, fieldsOf(value).v);
      this.#sayOnce(key, entry.seq, error.message);
      throw error;
    }
    const bare = withoutVersion(value);
    if (isOurs(bare)) return bare;
    this.#sayOnce(key, entry.seq, 'entry not written by Leat, taken for absent');
    return undefined;
  }

  #sayOnce(key: string, revision: number, sentence: string): void {
    if (this.#foreign.get(key) === revision) return;
    this.#foreign.set(key, revision);
    this.#logger?.error({ bucket: this.bucket, key, revision }, sentence);
  }
}

/** Whether an entry only says that there was one. */
function isRemoved({ header }: StoredMsg): boolean {
  return Boolean(header?.get('KV-Operation') || header?.get('Nats-Marker-Reason'));
}

const isAnything: Shape<unknown> = (value): value is unknown => value !== undefined;
