import { type QueueObservation, receiptsConsumer, subjectsOfRun } from '@leat/core';
import type { PipelineConnection } from '../jetstream/pipeline-connection.ts';

/** What a run has in front of a stage. */
export interface QueueSeen {
  readonly stage: string;
  /** Its messages, those in hand included. */
  readonly messages: number;
  /** Those that are in nobody's hand. Where several runs share the queue: its share of them. */
  readonly waiting: number;
}

/**
 * Looks at a run's queues, one after the other in the direction of flow.
 *
 * @throws whatever the client throws when a stream is gone or the server away
 */
export async function lookAtQueues(
  { manager, topology }: PipelineConnection,
  run: string,
): Promise<QueueSeen[]> {
  const queues: QueueSeen[] = [];
  for (const { stage, stream, consumer } of topology.queues) {
    const subject = subjectsOfRun(consumer, run);
    const { state } = await manager.streams.info(stream.name, { subjects_filter: subject });
    const seen = await manager.consumers.info(stream.name, consumer.durable_name);
    // Of all runs together: what is left behind by one shows when the others have nothing there.
    const all = seen.num_pending + seen.num_ack_pending;
    // In front of a join there is a subject for each chunk that was forked.
    const stored = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    const messages = Math.min(stored, all);
    const waiting = messages === 0 ? 0 : Math.round((seen.num_pending * messages) / all);
    queues.push({ stage, messages, waiting });
  }
  return queues;
}

/**
 * Looks at a run's queues in the direction of flow, and then at its receipts: in that order a message
 * that moves on while they are looked at is seen at least once.
 *
 * What lies on a stream and is neither waiting for its consumer nor in hand will never be given out, and
 * does not count: a server that was killed can number new messages like old ones, which a consumer that
 * remembers those takes for done.
 *
 * @param receiptsHeld how many messages of receipts the caller has taken into its ledger and not yet
 * acknowledged
 * @throws whatever the client throws when a stream is gone or the server away
 */
export async function observeQueues(
  connection: PipelineConnection,
  run: string,
  receiptsHeld: () => number,
  now: number,
): Promise<QueueObservation> {
  const { manager, topology } = connection;
  const queues = await lookAtQueues(connection, run);
  const queued = queues.reduce((sum, { messages }) => sum + messages, 0);
  const receipts = await manager.consumers.info(topology.receipts.name, receiptsConsumer(run));
  const receiptsUnread = receipts.num_pending + receipts.num_ack_pending - receiptsHeld();
  return { startedAt: now, queued, receiptsUnread: Math.max(0, receiptsUnread) };
}
