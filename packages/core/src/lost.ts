/** What was seen on a run's queues, from the first to the last, and then on its receipts. */
export interface QueueObservation {
  /** When the first queue was looked at, in milliseconds by the caller's clock. */
  readonly startedAt: number;
  /** Messages of this run in all queues, those being worked on included. */
  readonly queued: number;
  /** Receipts of this run that have not reached the ledger. */
  readonly receiptsUnread: number;
}

/** When a chunk that is neither saved nor known to be gone is sent again all the same. */
export const OVERDUE_MS = 3_600_000; // 1 h

/**
 * Which chunks, or redriven records, are to be sent again.
 *
 * A message is put on the next queue before it is taken off the one before, and the queues are looked at
 * in the direction of flow; so when all of them are empty, and no receipt is under way, every chunk that
 * was sent before the first look is gone: a wiped stream, or a broker that lost what it had acknowledged.
 * A chunk in a long queue is left alone, because sending it twice would only make the queue longer.
 * What the queues cannot show (one lost chunk among many that move) is settled when they run dry, or
 * after an hour: then as many of the overdue as there are fewer messages than chunks in flight, the first
 * of them first, because the others may well be waiting.
 */
export function lostChunks<T extends { readonly sentAt: number }>(
  inFlight: Iterable<T>,
  seen: QueueObservation,
): T[] {
  const stored = [...inFlight].filter((chunk) => chunk.sentAt < seen.startedAt);
  if (seen.queued === 0 && seen.receiptsUnread === 0) return stored;
  const missing = Math.max(0, stored.length - seen.queued);
  return stored.filter((chunk) => isOverdue(chunk, seen.startedAt)).slice(0, missing);
}

/** Whether a chunk has been under way for so long that it may be lost, though others move. */
export function isOverdue(chunk: { readonly sentAt: number }, now: number): boolean {
  return chunk.sentAt < now - OVERDUE_MS;
}
