import { inlineStagesOf, type PipelineSpec, queuedStages } from '@leat/core';
import {
  type Logger,
  observeQueues,
  type PipelineConnection,
  purgeQueues,
  wait,
} from '@leat/runtime';

/** Within this, every replica has looked what the operator wants. */
const WISH_TAKES_HOLD_MS = 1_000;
/** How long a cancelled run waits for savers: an acknowledgement window, after which a saver that is silent counts as dead. */
const MAX_WAIT_MS = 10_000;
const LOOK_MS = 100;

export interface CancelledRun {
  readonly connection: PipelineConnection;
  readonly run: string;
  /** How many messages of receipts wait for a checkpoint. */
  readonly receiptsHeld: () => number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Waits until no saver will commit anything of a cancelled run any more, and all receipts are in the
 * ledger. A saver that knows of the cancellation drops what it has not begun to commit; what it had begun
 * stays on its queue until the receipt is sent. So when the savers' queues are empty, and no receipt is
 * unread, the ledger says what the sinks hold. Whatever mappers have is of no use any more, unless inline savers save it.
 *
 * @returns how many chunks savers still hold when the wait is over; 0 is as it should be
 */
export async function untilSaversFinish(options: CancelledRun): Promise<number> {
  const { connection, run, receiptsHeld, signal, logger } = options;
  const { manager, topology, spec } = connection;
  const mappers = withoutSavers(spec);
  const begin = performance.now();
  let queued = 0;
  while (performance.now() - begin < MAX_WAIT_MS && !signal.aborted) {
    try {
      await purgeQueues(manager, topology, run, mappers);
      const seen = await observeQueues(connection, run, receiptsHeld, performance.now());
      queued = seen.queued;
      const isKnown = performance.now() - begin >= WISH_TAKES_HOLD_MS;
      if (isKnown && queued === 0 && seen.receiptsUnread === 0) return 0;
    } catch (error) {
      logger.debug({ err: error, run }, 'queues not seen');
    }
    await wait(LOOK_MS, signal).catch(() => undefined);
  }
  return queued;
}

/** The stages with queues of which nothing is saved: neither they nor their inline stages are savers. */
function withoutSavers(spec: PipelineSpec): string[] {
  return queuedStages(spec)
    .filter((stage) =>
      [stage, ...inlineStagesOf(spec, stage.name)].every(({ kind }) => kind !== 'saver'),
    )
    .map(({ name }) => name);
}

/** What a cancelled run's report cannot say, if savers still hold so many chunks. */
export function whatIsNotKnown(left: number): string | undefined {
  if (left === 0) return undefined;
  return `${left} chunks were still on the savers' queues after ${MAX_WAIT_MS / 1_000} s: what a saver commits of them later is not in this report`;
}
