/** What became of one record: a line of JSON, or any number of them, or why it was given up. */
export type Outcome = string | readonly string[] | GivenUp;

export interface GivenUp {
  readonly error: unknown;
  readonly attempts: number;
}
