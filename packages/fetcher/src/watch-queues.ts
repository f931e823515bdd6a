import { type ChunkInFlight, LeatError, type Ledger, lostChunks } from '@leat/core';
import { type Logger, observeQueues, type PipelineConnection, wait } from '@leat/sdk/internal';

/** How long no receipt must have come before the queues are looked at. */
const QUIET_MS = 2_000;

export interface WatchQueuesOptions {
  readonly connection: PipelineConnection;
  readonly run: string;
  readonly ledger: Ledger;
  /** When the last receipt came, by `performance.now()`. */
  readonly lastReceiptAt: () => number;
  /** How many messages of receipts wait for a checkpoint. */
  readonly receiptsHeld: () => number;
  readonly onLost: (lost: readonly ChunkInFlight[]) => Promise<void>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Looks for chunks that the broker has lost, whenever no receipt has come for a while. */
export async function watchQueues(options: WatchQueuesOptions): Promise<void> {
  const { connection, run, ledger, signal, logger } = options;
  while (!signal.aborted) {
    await wait(QUIET_MS, signal).catch(() => undefined);
    const isQuiet = performance.now() - options.lastReceiptAt() >= QUIET_MS;
    if (signal.aborted || !isQuiet || ledger.inFlightCount === 0) continue;
    try {
      const seen = await observeQueues(connection, run, options.receiptsHeld, performance.now());
      const lost = lostChunks(ledger.inFlight(), seen);
      if (lost.length > 0) await options.onLost(lost);
    } catch (error) {
      if (error instanceof LeatError) throw error;
      logger.debug({ err: error, run }, 'queues not seen');
    }
  }
}
