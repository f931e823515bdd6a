import { BusyError, type JsonValue, TerminalError } from '@leat/core';
import { describeIssues, keyPart, wait } from '@leat/runtime';
import type { KeyedState } from '@leat/sdk';
import type { output, ZodType } from 'zod';
import { storedText, storedValue } from './stored-value.ts';
import type { StoresInUse } from './stores-in-use.ts';

/** How often a write is tried that others are quicker than, before the record waits. */
const MAX_TRIES = 200;
/** From the first time that another was quicker, the longest wait doubles up to this. */
const MAX_WAIT_MS = 64;

/** Where a scope keeps its keys. */
export interface Scope {
  readonly prefix: string;
  /** What this record is in sets. Called when it is asked for. */
  readonly member: () => string;
}

/** The state of one scope: see `KeyedState`. */
export class ScopedState implements KeyedState {
  readonly #state: StoresInUse['state'];
  readonly #scope: () => Scope;
  readonly #signal: AbortSignal;

  constructor({ state }: Pick<StoresInUse, 'state'>, scope: () => Scope, signal: AbortSignal) {
    this.#state = state;
    this.#scope = scope;
    this.#signal = signal;
  }

  async get(key: string): Promise<JsonValue | undefined>;
  async get<S extends ZodType>(key: string, schema: S): Promise<output<S> | undefined>;
  async get(key: string, schema?: ZodType): Promise<unknown> {
    const found = await this.#state.get(this.#keyOf(key));
    if (found === undefined) return undefined;
    const value = storedValue(found.value, nameOf(key));
    if (schema === undefined) return value;
    const read = await schema.safeParseAsync(value);
    if (read.success) return read.data;
    throw new TerminalError(
      `${nameOf(key)} does not fit its schema: ${describeIssues(read.error)}`,
    );
  }

  async set(key: string, value: unknown): Promise<void> {
    const text = storedText(demandDefined(key, value), nameOf(key));
    await this.#write(key, () => text);
  }

  async update<T = JsonValue>(
    key: string,
    make: (value: T | undefined) => T | Promise<T>,
  ): Promise<T> {
    let made: T | undefined;
    await this.#write(key, async (found) => {
      const before =
        found === undefined ? undefined : (storedValue(found, nameOf(key)) as T | undefined);
      made = await make(before);
      return storedText(demandDefined(key, made), nameOf(key));
    });
    return made as T;
  }

  async delete(key: string): Promise<void> {
    await this.#state.delete(this.#keyOf(key));
  }

  async addTo(key: string): Promise<void> {
    await this.#state.create(`${this.#setOf(key)}.${this.#scope().member()}`, '');
  }

  async size(key: string): Promise<number> {
    return (await this.#state.keys(this.#setOf(key))).length;
  }

  /** Writes what is made of what is there, and again if another has written meanwhile. */
  async #write(
    key: string,
    make: (found: string | undefined) => string | Promise<string>,
  ): Promise<void> {
    const at = this.#keyOf(key);
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const found = await this.#state.get(at);
      const text = await make(found?.value);
      const isWritten =
        found === undefined
          ? await this.#state.create(at, text)
          : await this.#state.update(at, text, found.revision);
      if (isWritten) return;
      const longestMs = Math.min(MAX_WAIT_MS, 2 ** tries);
      await wait(Math.random() * longestMs, this.#signal);
    }
    throw new BusyError(`${nameOf(key)} was written by others ${MAX_TRIES} times meanwhile`);
  }

  #keyOf(key: string): string {
    return `${this.#scope().prefix}.value.${keyPart(key)}`;
  }

  #setOf(key: string): string {
    return `${this.#scope().prefix}.set.${keyPart(key)}`;
  }
}

function nameOf(key: string): string {
  return `The state ${JSON.stringify(key)}`;
}

/** To be left out is what a key is by `delete`. */
function demandDefined<T>(key: string, value: T): T {
  if (value !== undefined) return value;
  throw new TerminalError(`${nameOf(key)} must not become undefined: use delete`);
}
