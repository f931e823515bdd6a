import { type ChunkId, parseChunkId, parsePosition, REDRIVEN_COUNTS } from '@leat/core';
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

/** Puts one redriven record on the queue of the stage that gave it up. */
export async function sendRecord(
  { connection, run, born, telemetry, signal }: SenderOptions,
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
  const child = { reader: letter.stage, chunk, counts: REDRIVEN_COUNTS, piece };
  await sendOut(connection, telemetry?.tracer, root, root, [child], signal);
}
