import type { ChildChunk, Origins } from '@leat/core';
import type { ChunkTracer, TracedChunk } from '../tracing/chunk-tracer.ts';
import type { Envelope } from './chunk-message.ts';
import type { ChunkQueues } from './chunk-queues.ts';
import type { Delivery } from './delivery.ts';
import { type InlineStages, NotDone } from './inline-stages.ts';

/** A part of what a stage makes of a chunk: newline-delimited JSON. */
export interface Piece {
  readonly body: Uint8Array;
  /** How many lines the body has. */
  readonly records: number;
  /** Absent when record `n` has offset `n`. */
  readonly origins?: Origins;
  /** The branch that it goes to, where the stage is a route. */
  readonly branch?: string;
  /** Of a route's piece, the places of its records in the chunk. */
  readonly places?: Origins;
}

/** What the children of a chunk have in common: whence they come, and the span that sends them. */
export type Descent = Pick<Envelope, 'run' | 'born' | 'source' | 'position' | 'sending' | 'trace'>;

/** Where the children of a chunk go. */
export interface Links {
  readonly queues: ChunkQueues;
  /** The stages that have no queue, and the chunk that is in hand meanwhile. */
  readonly inline?: { readonly stages: InlineStages; readonly parent: Delivery } | undefined;
}

/**
 * Puts the children of a chunk on the queues of their readers, and waits until all are stored; one for an inline
 * reader is handed over, and waited for until that is done with it. See `fanOut` for who gets what.
 *
 * @throws as `ChunkQueues.send`; NotDone if an inline reader is not done with its part. All others are settled by then
 */
export async function sendOn(
  { queues, inline }: Links,
  descent: Descent,
  children: readonly ChildChunk<Piece>[],
  signal: AbortSignal,
): Promise<void> {
  const { run, born, source, position, sending, trace } = descent;
  const send = ({ reader, piece, ...child }: ChildChunk<Piece>): Promise<unknown> => {
    const { body } = piece;
    const envelope = {
      run,
      ...(born !== undefined && { born }),
      ...(source !== undefined && { source }),
      position,
      sending,
      trace,
      ...child,
    };
    return inline?.stages.has(reader) === true
      ? inline.stages.handOver(reader, inline.parent, envelope, body)
      : queues.send(reader, envelope, body, signal);
  };
  const [only] = children;
  if (only !== undefined && children.length === 1) {
    await send(only);
    return;
  }
  const results = await Promise.allSettled(children.map(send));
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  if (failures.length > 0) throw gravest(failures);
}

/** What decides about the chunk: an error of its own, then what is to be tried again, and last what is dropped. */
function gravest(failures: readonly unknown[]): unknown {
  return failures.reduce((most, each) => (gravityOf(each) > gravityOf(most) ? each : most));
}

function gravityOf(error: unknown): number {
  if (!(error instanceof NotDone)) return 2;
  return error.outcome === 'given-back' ? 1 : 0;
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
