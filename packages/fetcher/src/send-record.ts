import {
  type ChunkId,
  forkAgain,
  parseChunkId,
  parsePosition,
  REDRIVEN_COUNTS,
  regionsOf,
} from '@leat/core';
import { type DeadLetter, sendOut } from '@leat/runtime';
import type { SenderOptions } from './send.ts';

/** A redriven record that goes out, for the first time or again. */
export interface RecordSending {
  /** Its chunk id. */
  readonly record: string;
  readonly letter: DeadLetter;
  /** Empty the first time; see `Envelope.sending`. */
  readonly sending: string;
}

/** Puts one redriven record on the queue of the stage that gave it up, or on those of the branches that a join closes. */
export async function sendRecord(
  { connection, pipeline, run, born, telemetry, signal }: SenderOptions,
  { record, letter, sending }: RecordSending,
): Promise<void> {
  const position = parsePosition(letter.position) ?? {
    unit: 'record',
    first: 0,
    source: letter.position,
  };
  const chunk = parseChunkId(record) as ChunkId;
  const root = { run, ...(born !== undefined && { born }), chunk, position, sending, records: 1 };
  const piece = { body: Buffer.from(`${letter.record}\n`), records: 1 };
  const again = { chunk, counts: REDRIVEN_COUNTS };
  // What a branch gave up begins again where the branches begin.
  const region =
    letter.branch === undefined
      ? undefined
      : regionsOf(pipeline.spec).find(({ join }) => join === letter.stage);
  const children =
    region === undefined
      ? [{ ...again, reader: letter.stage, piece }]
      : forkAgain(pipeline.spec, region, again, piece);
  await sendOut(connection, telemetry?.tracer, root, root, children, signal);
}
