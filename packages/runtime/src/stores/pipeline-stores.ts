import { BusyError, isA, messageOf, TerminalError } from '@leat/core';
import type { DataStore, OpenStores, StateStore, Stores, StoresContext } from '@leat/sdk';
import { runOfKey, STATE_KEYS } from './state-key.ts';

/** What a data store takes: more would be held in memory. */
export const MAX_BLOB_BYTES: number = 64 * 1_024 * 1_024;

/** Runs that are remembered as noted; to note one again changes nothing. */
const MAX_MARKS = 100;

/** The methods of both stores, for those who hand calls on. */
export type StoreCall =
  | {
      readonly store: 'state';
      readonly method: keyof StateStore;
      readonly args: readonly unknown[];
    }
  | { readonly store: 'data'; readonly method: keyof DataStore; readonly args: readonly unknown[] };

/**
 * The stores of a pipeline, as a service has them: opened when they are needed first. Whatever a store throws but a
 * `TerminalError` says that it is away: a `BusyError`, so that the record waits and is never buried. What is the first
 * that a run writes here is noted before it is written, so that the run is cleaned up.
 */
export class PipelineStores {
  readonly state: StateStore;
  readonly data: DataStore;
  readonly #stores: Stores;
  readonly #context: StoresContext;
  #open: Promise<OpenStores> | undefined;
  /** By run, what settles when it is noted. */
  readonly #marks = new Map<string, Promise<unknown>>();

  constructor(stores: Stores, context: StoresContext) {
    this.#stores = stores;
    this.#context = context;
    this.state = {
      get: (key) => this.#using('state', ({ state }) => state.get(key)),
      create: (key, value) => this.#writing('state', key, ({ state }) => state.create(key, value)),
      update: (key, value, revision) =>
        this.#writing('state', key, ({ state }) => state.update(key, value, revision)),
      delete: (key) => this.#using('state', ({ state }) => state.delete(key)),
      deletePrefix: (prefix) => this.#using('state', ({ state }) => state.deletePrefix(prefix)),
      keys: (prefix) => this.#using('state', ({ state }) => state.keys(prefix)),
    };
    this.data = {
      put: (key, bytes) => this.#writing('data', key, ({ data }) => data.put(key, bytes)),
      get: (key) => this.#using('data', ({ data }) => data.get(key)),
      delete: (key) => this.#using('data', ({ data }) => data.delete(key)),
      deletePrefix: (prefix) => this.#using('data', ({ data }) => data.deletePrefix(prefix)),
      keys: (prefix) => this.#using('data', ({ data }) => data.keys(prefix)),
    };
  }

  /** Makes a call that came from elsewhere. */
  call({ store, method, args }: StoreCall): Promise<unknown> {
    const methods = this[store] as unknown as Record<
      string,
      (...given: readonly unknown[]) => Promise<unknown>
    >;
    const made = methods[method];
    if (made === undefined) throw new TerminalError(`the ${store} store cannot ${method}`);
    return made(...args);
  }

  /** Closes them, if they were opened. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await (await open?.catch(() => undefined))?.close();
  }

  async #writing<T>(
    what: StoreCall['store'],
    key: string,
    work: (open: OpenStores) => Promise<T>,
  ): Promise<T> {
    if (key.startsWith('r.')) await this.#mark(runOfKey(key) as string);
    return this.#using(what, work);
  }

  async #mark(run: string): Promise<void> {
    const key = `${STATE_KEYS.mark(run)}.used`;
    const made = this.#marks.get(run) ?? this.#using('state', ({ state }) => state.create(key, ''));
    this.#marks.set(run, made);
    const [oldest] = this.#marks.keys();
    if (this.#marks.size > MAX_MARKS && oldest !== undefined) this.#marks.delete(oldest);
    try {
      await made;
    } catch (error) {
      this.#marks.delete(run);
      throw error;
    }
  }

  async #using<T>(what: StoreCall['store'], work: (open: OpenStores) => Promise<T>): Promise<T> {
    try {
      this.#open ??= this.#stores.open(this.#context);
      const opening = this.#open;
      const open = await opening.catch((error: unknown) => {
        if (this.#open === opening) this.#open = undefined;
        throw error;
      });
      return await work(open);
    } catch (error) {
      if (isA(error, TerminalError)) throw error;
      throw new BusyError(
        `the ${what} store (${this.#stores.kind}) cannot be used now: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
}

/** The stores of a pipeline: its own, or JetStream. */
export function storesOf(
  pipeline: { readonly name: string; readonly stores?: Stores },
  onJetStream: () => OpenStores,
  logger: StoresContext['logger'],
): PipelineStores {
  const stores = pipeline.stores ?? {
    kind: 'jetstream',
    open: () => Promise.resolve(onJetStream()),
  };
  return new PipelineStores(stores, { pipeline: pipeline.name, logger });
}
