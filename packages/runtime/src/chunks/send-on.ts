import type { ChildChunk, Origins } from '@leat/core';
import type { ChunkTracer, TracedChunk } from '../tracing/chunk-tracer.ts';
import type { Envelope } from './chunk-message.ts';
import type { ChunkQueues } from './chunk-queues.ts';

/** A part of what a stage makes of a chunk: newline-delimited JSON. */
export interface Piece {
  readonly body: Uint8Array;
  /** How many lines the body has. */
  readonly records: number;
  /** Absent when record `n` has offset `n`. */
  readonly origins?: Origins;
}

/** What the children of a chunk have in common: whence they come, and the span that sends them. */
export type Descent = Pick<Envelope, 'run' | 'born' | 'source' | 'position' | 'sending' | 'trace'>;

/**
 * Puts the children of a chunk on the queues of their readers, and waits until all are stored. See `fanOut`
 * for who gets what.
 *
 * @throws as `ChunkQueues.send`
 */
export async function sendOn(
  { queues }: { readonly queues: ChunkQueues },
  descent: Descent,
  children: readonly ChildChunk<Piece>[],
  signal: AbortSignal,
): Promise<void> {
  const { run, born, source, position, sending, trace } = descent;
  await Promise.all(
    children.map(({ reader, chunk, counts, piece: { body, origins }, buried }) => {
      const envelope = {
        run,
        ...(born !== undefined && { born }),
        ...(source !== undefined && { source }),
        chunk,
        counts,
        position,
        ...(origins !== undefined && { origins }),
        sending,
        ...(buried !== undefined && { buried }),
        trace,
      };
      return queues.send(reader, envelope, body, signal);
    }),
  );
}

/**
 * As {@link sendOn}, where a chunk's trace begins: at the fetcher. It is one span, which ends when all
 * children are stored.
 *
 * @param chunk what the span tells of
 */
export async function sendOut(
  connection: { readonly queues: ChunkQueues },
  tracer: ChunkTracer | undefined,
  chunk: TracedChunk,
  descent: Omit<Descent, 'trace'>,
  children: readonly ChildChunk<Piece>[],
  signal: AbortSignal,
): Promise<void> {
  const readers = children.map(({ reader }) => reader);
  const span = tracer?.send(chunk, readers);
  const sent = sendOn(connection, { ...descent, trace: span?.headers }, children, signal);
  await (span === undefined ? sent : span.until(sent, signal));
}
