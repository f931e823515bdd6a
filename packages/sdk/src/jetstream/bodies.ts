import { messageOf } from '@leat/core';
import { Objm, type ObjectStore } from '@nats-io/obj';
import type { JetStreamClient } from '@nats-io/jetstream';
import type { Logger } from 'pino';

/**
 * Chunk bodies that are too large for a message, in the pipeline's object store. The store is made when
 * the first such body turns up. A body is removed after its message was acknowledged, and all of a run's
 * when it ends.
 */
export class Bodies {
  readonly #client: JetStreamClient;
  readonly #bucket: string;
  readonly #replicas: number;
  readonly #logger: Logger;
  #store: Promise<ObjectStore> | undefined;

  constructor(client: JetStreamClient, bucket: string, replicas: number, logger: Logger) {
    this.#client = client;
    this.#bucket = bucket;
    this.#replicas = replicas;
    this.#logger = logger;
  }

  async put(name: string, body: Uint8Array): Promise<void> {
    const store = await this.#open();
    await store.putBlob({ name }, body);
  }

  /** The body, or `undefined` if it is gone: whoever had it before was done with it. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const store = await this.#open();
    return (await store.getBlob(name)) ?? undefined;
  }

  /** Removes a body; what cannot be removed now goes with the run. */
  async remove(name: string): Promise<void> {
    try {
      await (await this.#open()).delete(name);
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
          if (object.name.startsWith(`${run}/`)) await store.delete(object.name);
        }
      }
    } catch (error) {
      this.#logger.warn({ err: error, run }, `large bodies not removed: ${messageOf(error)}`);
    }
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
