/**
 * What became of one record: a line of JSON, or any number of them, or itself, as it arrived, or why it was
 * given up.
 */
export type Outcome = string | readonly string[] | typeof KEPT | GivenUp;

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
}
