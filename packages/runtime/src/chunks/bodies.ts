import { type Backoff, messageOf } from '@leat/core';
import { Objm, type ObjectStore } from '@nats-io/obj';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import type { Logger } from '@leat/sdk';
import { persist } from '../persist.ts';
import { wait } from '../wait.ts';
import { isGone } from '../jetstream/provision.ts';

const STORE_BACKOFF: Backoff = {
  initialDelayMs: 100,
  maxDelayMs: 2_000,
  factor: 2,
  jitter: 'equal',
};

/** As much of a `PipelineConnection` as the bodies use. */
export interface BodiesConnection {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  /** The name of the object store. */
  readonly bucket: string;
  readonly replicas: number;
}

/**
 * Chunk bodies that are too large for a message, in the pipeline's object store. The store is made when
 * the first such body turns up. A body is removed after its message was acknowledged, and all of a run's
 * when it ends.
 */
export class Bodies {
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #bucket: string;
  readonly #replicas: number;
  readonly #logger: Logger;
  #store: Promise<ObjectStore> | undefined;

  constructor({ client, manager, bucket, replicas }: BodiesConnection, logger: Logger) {
    this.#client = client;
    this.#manager = manager;
    this.#bucket = bucket;
    this.#replicas = replicas;
    this.#logger = logger;
  }

  /** Stores a body, however long the server or the store is away. */
  async put(name: string, body: Uint8Array, signal: AbortSignal): Promise<void> {
    const put = async (): Promise<void> => {
      const store = await this.#open();
      await store.putBlob({ name }, body);
    };
    await persist(put, {
      backoff: STORE_BACKOFF,
      isFinal: (error) => error instanceof errors.ClosedConnectionError,
      onWait: ({ error, retryInMs }) => {
        // Opening it again makes it again, should it have vanished.
        this.#store = undefined;
        this.#logger.warn({ name, retryInMs }, `large body not stored yet: ${messageOf(error)}`);
      },
      signal,
    });
  }

  /**
   * The body, or `undefined` if it is gone: the one who had it before was done with it. One of which a part is
   * gone, or was altered, is as good as gone.
   */
  async get(name: string): Promise<Uint8Array | undefined> {
    try {
      const store = await this.#open();
      const stored = await store.get(name);
      return stored === null ? undefined : await readWhole(stored.data, stored.error);
    } catch (error) {
      this.#store = undefined;
      if (isGone(error)) return undefined;
      if (!isDamaged(error)) throw error;
      this.#logger.warn({ name }, `large body cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Removes a body; what cannot be removed now goes with the run. */
  async remove(name: string): Promise<void> {
    try {
      await this.#delete(await this.#open(), name);
    } catch (error) {
      this.#logger.debug({ err: error, name }, 'large body not removed');
    }
  }

  /** Removes whatever is left of a run. */
  async removeRun(run: string): Promise<void> {
    try {
      const manager = new Objm(this.#client);
      for await (const status of manager.list()) {
        if (status.bucket !== this.#bucket) continue;
        const store = await this.#open();
        for (const object of await store.list()) {
          if (object.name.startsWith(`${run}/`)) await this.#delete(store, object.name);
        }
      }
    } catch (error) {
      this.#logger.warn({ err: error, run }, `large bodies not removed: ${messageOf(error)}`);
    }
  }

  /** The client leaves a note of what was deleted, for ever; nobody reads it here. */
  async #delete(store: ObjectStore, name: string): Promise<void> {
    await store.delete(name);
    const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    const filter = `$O.${this.#bucket}.M.${encoded}`;
    await this.#manager.streams.purge(`OBJ_${this.#bucket}`, { filter });
  }

  #open(): Promise<ObjectStore> {
    this.#store ??= new Objm(this.#client)
      .create(this.#bucket, { replicas: this.#replicas })
      .catch((error: unknown) => {
        this.#store = undefined;
        throw error;
      });
    return this.#store;
  }
}

/** Of a body that is there some part comes within this time; if all parts are gone, nothing ever does. */
const STALL_MS = 5_000;

/** Nothing came of a body for {@link STALL_MS}. */
class Stalled extends Error {}

export function isDamaged(error: unknown): boolean {
  // The client has no class for it.
  return error instanceof Stalled || messageOf(error).startsWith('received a corrupt object');
}

export async function readWhole(
  data: ReadableStream<Uint8Array>,
  failed: Promise<Error | null>,
): Promise<Uint8Array> {
  // It is told by the stream, too.
  failed.catch(() => undefined);
  const reader = data.getReader();
  const parts: Uint8Array[] = [];
  for (;;) {
    const over = new AbortController();
    const stall = wait(STALL_MS, over.signal).then(
      () => undefined,
      () => undefined,
    );
    const part = await Promise.race([reader.read(), stall]).finally(() => over.abort());
    if (part === undefined) {
      reader.cancel().catch(() => undefined);
      throw new Stalled(`no part of it came within ${STALL_MS} ms`);
    }
    if (part.done) return Buffer.concat(parts);
    parts.push(part.value);
  }
}
