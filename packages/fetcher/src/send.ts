import { crc32 } from 'node:zlib';
import { type Counts, fanOut, formatPosition, NO_COUNTS } from '@leat/core';
import type { Pipeline, SourceChunk } from '@leat/sdk';
import {
  bury,
  type DeadRecord,
  type PipelineConnection,
  sendOut,
  type Telemetry,
} from '@leat/runtime';

export interface SenderOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly run: string;
  /** The run's birth mark; absent for a run that an earlier version of Leat began. */
  readonly born: string | undefined;
  readonly telemetry: Telemetry | undefined;
  readonly signal: AbortSignal;
}

/** A chunk of the dataset that goes out, for the first time or again. */
export interface Sending {
  /** Its position. */
  readonly seq: number;
  readonly chunk: SourceChunk;
  readonly checksum: string;
  /** Empty the first time; see `Envelope.sending`. */
  readonly sending: string;
}

/**
 * A chunk's checksum, 8 hexadecimal digits: another where the source gives other records, or rejects others.
 * It takes a millionth of a second for 10 kB.
 */
export function checksumOf({ body, rejected = [] }: SourceChunk): string {
  let sum = crc32(body);
  for (const { offset, raw } of rejected) sum = crc32(`${offset} ${raw}`, sum);
  return sum.toString(16).padStart(8, '0');
}

/** The books of a chunk as it leaves the source. */
export function countsOf(chunk: SourceChunk): Counts {
  const dead = chunk.rejected?.length ?? 0;
  return { ...NO_COUNTS, in: chunk.records + dead, dead };
}

/**
 * Puts one chunk on the queue of every stage that reads from the fetcher, after what the source could
 * not make into lines went to the dead letters.
 */
export async function sendSourceChunk(
  { connection, pipeline, run, born, telemetry, signal }: SenderOptions,
  { seq, chunk, checksum, sending }: Sending,
): Promise<void> {
  const { records, position } = chunk;
  const stage = pipeline.fetcher.name;
  const root = {
    run,
    ...(born !== undefined && { born }),
    chunk: { seq, path: '' },
    source: checksum,
    position,
    sending,
  };
  const rejected = rejectedRecords(chunk);
  await bury(connection, { stage, chunk: root }, rejected, signal);
  if (rejected.length > 0) telemetry?.meter?.(stage).bury(rejected.length);
  if (records === 0) return;
  const finished = { chunk: root.chunk, counts: countsOf(chunk) };
  const children = fanOut(pipeline.spec, stage, finished, [chunk]);
  await sendOut(connection, telemetry?.tracer, { ...root, records }, root, children, signal);
}

/** What the source could not make into lines, for its dead letters. */
function rejectedRecords({ rejected = [], position }: SourceChunk): DeadRecord[] {
  return rejected.map(({ offset, raw, reason }) => ({
    index: offset,
    position: formatPosition(position, offset),
    attempts: 1,
    error: { name: 'RejectedBySource', message: reason },
    record: raw,
  }));
}
