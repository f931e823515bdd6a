import * as z from 'zod';
import { COUNT, type Shape, shapeOf } from '../shape.ts';

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

const deadLetter: z.ZodType<DeadLetter> = z.looseObject({
  pipeline: z.string(),
  run: z.string(),
  born: z.string().exactOptional(),
  stage: z.string(),
  chunk: z.string(),
  index: COUNT,
  position: z.string(),
  execution: z.string().exactOptional(),
  attempts: COUNT,
  error: z.looseObject({
    name: z.string(),
    message: z.string(),
    stack: z.string().exactOptional(),
  }),
  record: z.string(),
  isCut: z.boolean().exactOptional(),
  at: z.string(),
});

/** What others may have put on the stream is not trusted to be a letter. */
export const isDeadLetter: Shape<DeadLetter> = shapeOf(deadLetter);
