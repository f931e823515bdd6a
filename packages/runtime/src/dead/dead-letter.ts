import * as z from 'zod';
import { type Shape, shapeOf } from '../shape.ts';
import { failedRecord, type FailedRecord } from './failed-record.ts';

/** A record that was given up, as it is kept: JSON on the dead letters' stream. */
export interface DeadLetter extends FailedRecord {
  readonly pipeline: string;
  readonly run: string;
  /** The run's birth mark; absent for a run that an earlier version of Leat began. */
  readonly born?: string;
  readonly stage: string;
  /** The chunk id. */
  readonly chunk: string;
  /** The execution of the chunk that buried it, see `Receipt.buried`; the source's letters have none. */
  readonly execution?: string;
}

const deadLetter: z.ZodType<DeadLetter> = z.intersection(
  z.looseObject({
    pipeline: z.string(),
    run: z.string(),
    born: z.string().exactOptional(),
    stage: z.string(),
    chunk: z.string(),
    execution: z.string().exactOptional(),
  }),
  failedRecord,
);

/** What others may have put on the stream is not trusted to be a letter. */
export const isDeadLetter: Shape<DeadLetter> = shapeOf(deadLetter);
