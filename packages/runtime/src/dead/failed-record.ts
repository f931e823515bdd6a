import type { ThrownDescription } from '@leat/core';
import * as z from 'zod';
import { COUNT } from '../shape.ts';

/** One record that a stage gave up, as it is kept. */
export interface FailedRecord {
  /** Which record of the chunk, from 0. */
  readonly index: number;
  /** Where in the dataset it stands: `line 42 of a.ndjson`. */
  readonly position: string;
  /** How often it was tried before it was given up. */
  readonly attempts: number;
  /** Why it was given up. */
  readonly error: ThrownDescription;
  /** The record as it reached the stage, character for character: its line of JSON, or what stood there. */
  readonly record: string;
  /** Whether `record` is only the beginning, the whole being too large for a message. */
  readonly isCut?: boolean;
  /** When it was given up, ISO 8601. */
  readonly at: string;
  /** Of a join's letter, the branch that has given the record up. The record is as the branches got it. */
  readonly branch?: string;
}

export const thrown: z.ZodType<ThrownDescription> = z.looseObject({
  name: z.string(),
  message: z.string(),
  stack: z.string().exactOptional(),
  code: z.string().exactOptional(),
  get cause() {
    return thrown.exactOptional();
  },
});

export const failedRecord: z.ZodType<FailedRecord> = z.looseObject({
  index: COUNT,
  position: z.string(),
  attempts: COUNT,
  error: thrown,
  record: z.string(),
  isCut: z.boolean().exactOptional(),
  at: z.string(),
  branch: z.string().exactOptional(),
});
