import type { RunReport, ThrownDescription } from '@leat/core';

/** A record that a stage gave up. */
export interface DeadTestRecord {
  readonly stage: string;
  /** The record as it reached the stage: a line of JSON. */
  readonly record: string;
  /** Where it stands among the given records: `record 2 of records`. */
  readonly position: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** Why it was given up. */
  readonly error: ThrownDescription;
}

/** What became of records. */
export interface TestedPipeline {
  /**
   * By stage, what it passed on; by saver, what it would have saved. Parsed from the JSON that the next
   * stage or the sink is given, in the order of the records.
   */
  readonly results: Readonly<Record<string, readonly unknown[]>>;
  /** The records that were given up, with their reasons. */
  readonly dead: readonly DeadTestRecord[];
  /** The account, as in a run's report: `in + expanded = saved + filtered + dead`. */
  readonly records: RunReport['records'];
  /** Failed attempts that were made again; being busy does not count. */
  readonly retries: number;
}
