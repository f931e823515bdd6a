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
