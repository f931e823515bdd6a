import type { DataStore, OpenStores, StateEntry, StateStore, Stores } from '@leat/sdk';

/**
 * Stores in the memory of this process, for tests: nothing of them outlives it, and no other process sees them.
 *
 * @example
 * ```ts
 * const orders = pipeline('orders', { savers: [booked], stores: memoryStores() });
 * ```
 */
export function memoryStores(): Stores {
  const pipelines = new Map<string, OpenStores>();
  return {
    kind: 'memory',
    open: async ({ pipeline }) => {
      const open = pipelines.get(pipeline) ?? {
        state: memoryState(),
        data: memoryData(),
        close: () => Promise.resolve(),
      };
      pipelines.set(pipeline, open);
      return open;
    },
  };
}

function memoryState(): StateStore {
  const entries = new Map<string, StateEntry>();
  let revision = 0;
  const write = (key: string, value: string): boolean => {
    entries.set(key, { value, revision: ++revision });
    return true;
  };
  return {
    ...common(entries),
    get: async (key) => entries.get(key),
    create: async (key, value) => !entries.has(key) && write(key, value),
    update: async (key, value, from) => entries.get(key)?.revision === from && write(key, value),
  };
}

function memoryData(): DataStore {
  const blobs = new Map<string, Uint8Array>();
  return {
    ...common(blobs),
    put: async (key, bytes) => void blobs.set(key, Uint8Array.from(bytes)),
    get: async (key) => blobs.get(key),
  };
}

function common(
  entries: Map<string, unknown>,
): Pick<StateStore, 'delete' | 'deletePrefix' | 'keys'> {
  const below = (prefix: string): string[] =>
    [...entries.keys()].filter((key) => key.startsWith(`${prefix}.`));
  return {
    delete: async (key) => void entries.delete(key),
    deletePrefix: async (prefix) => {
      for (const key of below(prefix)) entries.delete(key);
    },
    keys: async (prefix) => below(prefix),
  };
}
