/** A record that was given up, as it is kept: JSON on the dead letters' stream. */
export interface DeadLetter {
  readonly pipeline: string;
  readonly run: string;
  /** The run's birth mark; absent for a run that an earlier version of Leat began. */
  readonly born?: string;
  readonly stage: string;
  /** The chunk id. */
  readonly chunk: string;
  /** Which record of the chunk, from 0. */
  readonly index: number;
  /** Where in the dataset it stands: `line 42 of a.ndjson`. */
  readonly position: string;
  /** The execution of the chunk that buried it, see `Receipt.buried`; the source's letters have none. */
  readonly execution?: string;
  /** How often it was tried. */
  readonly attempts: number;
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string };
  /** The record as it reached the stage: its line of JSON, or what stood in its place. */
  readonly record: string;
  /** Whether `record` is only the beginning, the whole being too large for a message. */
  readonly isCut?: boolean;
  /** ISO 8601. */
  readonly at: string;
}
