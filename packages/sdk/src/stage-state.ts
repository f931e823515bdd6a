import type { JsonValue } from '@leat/core';
import type { output, ZodType } from 'zod';

/**
 * What a stage remembers, by key. Any text is a key; a value is what JSON holds exactly. While the store is away, the
 * record waits (`BusyError`). A value that is no JSON, or too large, is a `TerminalError`.
 */
export interface KeyedState {
  /** @returns `undefined` if the key is not there */
  get(key: string): Promise<JsonValue | undefined>;
  /**
   * As above, and reads the value by a schema.
   *
   * @throws TerminalError if it does not fit
   */
  get<S extends ZodType>(key: string, schema: S): Promise<output<S> | undefined>;
  /** Writes a value; the last one who writes wins. */
  set(key: string, value: unknown): Promise<void>;
  /**
   * Makes a new value of the one that is there, by compare-and-set: if another has written meanwhile, `make` is called
   * again with what is there then. It must do nothing else. A record that is worked on again calls it again, so
   * that a sum or a counter would count it twice: use {@link addTo}.
   *
   * @param make is given `undefined` if the key is not there
   * @returns what was written
   */
  update<T = JsonValue>(key: string, make: (value: T | undefined) => T | Promise<T>): Promise<T>;
  delete(key: string): Promise<void>;
  /** Adds this record to a set. Adding it again, as a second execution does, changes nothing. */
  addTo(key: string): Promise<void>;
  /** How many records are in a set. */
  size(key: string): Promise<number>;
}

/**
 * What a stage remembers of the record's origin in the dataset: all stages share it, and so does everything that a
 * `flatMap` made of it. It is deleted when the run has ended, unless the record has a dead letter.
 */
export interface StageState extends KeyedState {
  /** What all records of the run share. It is deleted when the run has ended without dead letters. */
  readonly run: KeyedState;
  /** What all runs of the pipeline share. It is never deleted by Leat. */
  readonly pipeline: KeyedState;
}

/** Says where a blob is, and what it is; to be put into the record. */
export interface BlobReference {
  /** Its key in the data store. */
  readonly blob: string;
  /** SHA-256 of its bytes, in hexadecimal digits. */
  readonly digest: string;
  /** How many bytes it has. */
  readonly bytes: number;
}

/** How a blob is put. */
export interface BlobOptions {
  /**
   * Never delete it: a sink refers to it.
   * @defaultValue `false`: deleted when the run has ended, unless the record has a dead letter
   */
  readonly keep?: boolean;
}

/** Bytes that are too many for a record: a picture, a PDF; up to 64 MiB each. */
export interface StageBlobs {
  /**
   * Stores bytes under a name of this record in this stage. A second execution of the record writes its own bytes over
   * them, and so gives a reference of its own.
   *
   * @param bytes all at once, or as they come
   * @throws TerminalError if they are too many
   */
  put(
    name: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options?: BlobOptions,
  ): Promise<BlobReference>;
  /**
   * The bytes; `undefined` if they are not there (any more).
   *
   * @throws TerminalError if they are not those that the reference was given for
   */
  get(reference: BlobReference): Promise<Uint8Array | undefined>;
  delete(reference: BlobReference): Promise<void>;
}
