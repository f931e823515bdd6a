import { messageOf, TerminalError } from '@leat/core';
import type { DataStore, OpenStores, StateStore } from '@leat/sdk';
import { headers } from '@nats-io/transport-node';
import { Objm, type ObjectStore } from '@nats-io/obj';
import { type BodiesConnection, isDamaged, readWhole } from '../chunks/bodies.ts';
import { isGone } from '../jetstream/provision.ts';
import { isWrongRevision } from '../runs/entry-store.ts';

/** As much of a `PipelineConnection` as the stores use; the name is also that of the key-value bucket. */
export interface StoresConnection extends BodiesConnection {
  readonly maxPayload: () => number;
}

/** Users' keys begin so, and no other entry of the bucket does: theirs never reach Leat's own. */
const USERS = 'u';

/** What a message takes besides its value: subject and headers. */
const OVERHEAD = 1_024;

/** The key-value bucket and the object store of a pipeline, which is made when the first blob is put. */
export function jetStreamStores(connection: StoresConnection): OpenStores {
  return {
    state: stateStore(connection),
    data: new JetStreamData(connection),
    close: () => Promise.resolve(),
  };
}

/** Keys are read from the leader: another replica may not know yet what was written. */
function stateStore({ client, manager, bucket, maxPayload }: StoresConnection): StateStore {
  const stream = `KV_${bucket}`;
  const subjectOf = (key: string): string => `$KV.${bucket}.${USERS}.${key}`;
  /** @returns whether the key had the revision */
  const write = async (key: string, value: string, revision: number): Promise<boolean> => {
    const bytes = Buffer.from(value);
    const most = maxPayload() - OVERHEAD;
    if (bytes.length > most) {
      throw new TerminalError(
        `a value of ${bytes.length} bytes is too large for JetStream, which takes ${most}: put it into context.blobs`,
      );
    }
    try {
      await client.publish(subjectOf(key), bytes, { expect: { lastSubjectSequence: revision } });
      return true;
    } catch (error) {
      if (isWrongRevision(error)) return false;
      throw error;
    }
  };
  const find = async (key: string): Promise<{ value?: string; revision: number }> => {
    const message = await manager.streams.getMessage(stream, { last_by_subj: subjectOf(key) });
    if (message === null) return { revision: 0 };
    const isDeleted = Boolean(message.header?.get('KV-Operation'));
    return { revision: message.seq, ...(!isDeleted && { value: message.string() }) };
  };
  return {
    get: async (key) => {
      const { value, revision } = await find(key);
      return value === undefined ? undefined : { value, revision };
    },
    create: async (key, value) => {
      if (await write(key, value, 0)) return true;
      const { value: found, revision } = await find(key);
      // What says that it was deleted stands in its place.
      return found === undefined && (await write(key, value, revision));
    },
    update: write,
    delete: async (key) => {
      const { value } = await find(key);
      if (value === undefined) return;
      const deleted = headers();
      deleted.set('KV-Operation', 'DEL');
      await client.publish(subjectOf(key), '', { headers: deleted });
    },
    deletePrefix: async (prefix) => {
      await manager.streams.purge(stream, { filter: subjectOf(`${prefix}.>`) });
    },
    keys: async (prefix) => {
      const filter = { subjects_filter: subjectOf(`${prefix}.>`) };
      const { state } = await manager.streams.info(stream, filter);
      const skip = subjectOf('').length;
      return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(skip));
    },
  };
}

class JetStreamData implements DataStore {
  readonly #connection: StoresConnection;
  #store: Promise<ObjectStore> | undefined;

  constructor(connection: StoresConnection) {
    this.#connection = connection;
  }

  put = async (key: string, bytes: Uint8Array): Promise<void> => {
    await this.#using((store) => store.putBlob({ name: nameOf(key) }, bytes));
  };

  get = async (key: string): Promise<Uint8Array | undefined> => {
    if (!(await this.#isThere())) return undefined;
    try {
      return await this.#using(async (store) => {
        const stored = await store.get(nameOf(key));
        return stored === null ? undefined : readWhole(stored.data, stored.error);
      });
    } catch (error) {
      if (!isDamaged(error)) throw error;
      throw new TerminalError(`the blob was altered in its store: ${messageOf(error)}`, {
        cause: error,
      });
    }
  };

  delete = async (key: string): Promise<void> => {
    if (await this.#isThere()) await this.#remove(nameOf(key));
  };

  deletePrefix = async (prefix: string): Promise<void> => {
    for (const key of await this.keys(prefix)) await this.#remove(nameOf(key));
  };

  keys = async (prefix: string): Promise<readonly string[]> => {
    const names = await this.#names();
    return names
      .filter((name) => name.startsWith(nameOf(`${prefix}.`)))
      .map((name) => name.slice(nameOf('').length));
  };

  /** The names of all objects, also of those that are no blobs; none if there is no store. */
  async #names(): Promise<string[]> {
    const { manager, bucket } = this.#connection;
    const subject = `$O.${bucket}.M.`;
    try {
      const { state } = await manager.streams.info(this.#stream, {
        subjects_filter: `${subject}>`,
      });
      return Object.keys(state.subjects ?? {}).map((each) =>
        Buffer.from(each.slice(subject.length), 'base64url').toString(),
      );
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  /** The client leaves a note of what was deleted, for ever; nobody reads it here. */
  async #remove(name: string): Promise<void> {
    const { manager, bucket } = this.#connection;
    await this.#using((store) => store.delete(name));
    const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    await manager.streams.purge(this.#stream, { filter: `$O.${bucket}.M.${encoded}` });
  }

  async #isThere(): Promise<boolean> {
    if (this.#store !== undefined) return true;
    try {
      await this.#connection.manager.streams.info(this.#stream);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  get #stream(): string {
    return `OBJ_${this.#connection.bucket}`;
  }

  /** Opening it again makes it again, should it have vanished. */
  async #using<T>(work: (store: ObjectStore) => Promise<T>): Promise<T> {
    const { client, bucket, replicas } = this.#connection;
    this.#store ??= new Objm(client).create(bucket, { replicas });
    try {
      return await work(await this.#store);
    } catch (error) {
      this.#store = undefined;
      throw error;
    }
  }
}

/** Names of bodies begin with a run and a slash, and so never like this. */
function nameOf(key: string): string {
  return `${USERS}.${key}`;
}
