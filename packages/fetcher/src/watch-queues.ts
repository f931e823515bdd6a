import { isOverdue, LeatError, lostChunks } from '@leat/core';
import { type Logger, observeQueues, type PipelineConnection, wait } from '@leat/runtime';
import type { ReceiptIntake } from './receipt-intake.ts';
import { withTroubles } from './resends.ts';

/** How long no receipt must have come before the queues are looked at. */
const QUIET_MS = 2_000;

export interface WatchQueuesOptions<T> {
  readonly connection: PipelineConnection;
  readonly run: string;
  /** What was sent and is not settled: chunks, or redriven records. */
  readonly inFlight: () => Iterable<T>;
  readonly receipts: Pick<ReceiptIntake, 'lastAt' | 'held'>;
  readonly onLost: (lost: readonly T[]) => Promise<void>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Looks for what the broker has lost, whenever no receipt has come for a while or the first is overdue. */
export async function watchQueues<T extends { readonly sentAt: number }>(
  options: WatchQueuesOptions<T>,
): Promise<void> {
  const { connection, run, inFlight, receipts, signal, logger } = options;
  while (!signal.aborted) {
    await wait(QUIET_MS, signal).catch(() => undefined);
    const now = performance.now();
    const [first] = inFlight();
    if (signal.aborted || first === undefined) continue;
    if (now - receipts.lastAt < QUIET_MS && !isOverdue(first, now)) continue;
    try {
      const seen = await observeQueues(connection, run, () => receipts.held, now);
      const lost = lostChunks(inFlight(), seen);
      if (lost.length > 0) await options.onLost(lost);
    } catch (error) {
      if (error instanceof LeatError) throw await withTroubles(error, connection, run);
      logger.debug({ err: error, run }, 'queues not seen');
    }
  }
}
