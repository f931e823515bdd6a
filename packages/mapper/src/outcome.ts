/**
 * What became of one record: a line of JSON, or any number of them, or itself, as it arrived, or why it was
 * given up.
 */
export type Made = string | readonly string[] | typeof KEPT | GivenUp;

/** What became of one record, in any stage: in a route it goes on to branches, or counts as filtered. */
export type Outcome = Made | Routed;

/** The record goes on to branches of a route. */
export interface Routed {
  /** Their names, in the order of the route's. */
  readonly branches: readonly string[];
  /** What goes on in the place of the record as it arrived, if its schema makes another of it. */
  readonly line?: string;
}

/** The record goes on as it arrived. */
export const KEPT = true;

export interface GivenUp {
  readonly error: unknown;
  readonly attempts: number;
}

/** What became of the records of a chunk, or of a part of one. */
export interface WorkedOn {
  /** Of each record, in their order. */
  readonly outcomes: readonly Outcome[];
  readonly retries: number;
  /** How many records would have been given up, and have a result of `recover`. */
  readonly recovered: number;
}
