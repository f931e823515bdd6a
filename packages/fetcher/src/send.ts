import { crc32 } from 'node:zlib';
import {
  childId,
  type ChunkId,
  copiedCounts,
  type Counts,
  formatChunkId,
  formatPosition,
  NO_COUNTS,
  readersOf,
} from '@leat/core';
import type { Pipeline, SourceChunk } from '@leat/sdk';
import { buryAll, type PipelineConnection, sendChunk } from '@leat/runtime';

export interface SenderOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly run: string;
  /** The run's birth mark; absent for a run that an earlier version of Leat began. */
  readonly born: string | undefined;
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
  options: SenderOptions,
  { seq, chunk, checksum, sending }: Sending,
): Promise<void> {
  const { connection, pipeline, run, born, signal } = options;
  const root = { seq, path: '' };
  if (chunk.rejected !== undefined) await bury(options, root, chunk, sending);
  if (chunk.records === 0) return;
  const counts = countsOf(chunk);
  const readers = readersOf(pipeline.spec, pipeline.fetcher.name).map(({ name }) => name);
  const { records } = chunk;
  const span = connection.tracer?.send({ run, chunk: root, sending, records }, readers);
  const trace = span?.headers;
  const sent = Promise.all(
    readers.map((name, nth) =>
      sendChunk(
        connection,
        name,
        {
          run,
          ...(born !== undefined && { born }),
          source: checksum,
          chunk: childId(root, nth, readers.length),
          counts: nth === 0 ? counts : copiedCounts(counts),
          position: chunk.position,
          ...(chunk.origins && { origins: chunk.origins }),
          sending,
          trace,
        },
        chunk.body,
        signal,
      ),
    ),
  );
  await (span === undefined ? sent : span.until(sent, signal));
}

/** Makes dead letters of what the source could not make into lines. */
async function bury(
  { connection, pipeline, run, born, signal }: SenderOptions,
  root: ChunkId,
  { rejected = [], position }: SourceChunk,
  sending: string,
): Promise<void> {
  const at = new Date().toISOString();
  const letters = rejected.map(({ offset, raw, reason }) => ({
    pipeline: pipeline.name,
    run,
    ...(born !== undefined && { born }),
    stage: pipeline.fetcher.name,
    chunk: formatChunkId(root),
    index: offset,
    position: formatPosition(position, offset),
    attempts: 1,
    error: { name: 'RejectedBySource', message: reason },
    record: raw,
    at,
  }));
  await buryAll(connection, letters, sending, signal);
}
