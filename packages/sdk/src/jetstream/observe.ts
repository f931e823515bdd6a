import { type QueueObservation, receiptsConsumer, stageSubject } from '@leat/core';
import type { PipelineConnection } from './pipeline-connection.ts';

/**
 * Looks at a run's queues in the direction of flow, and then at its receipts: in that order a message
 * that moves on while they are looked at is seen at least once.
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
  const { manager, spec, topology } = connection;
  let queued = 0;
  for (const { stage, stream } of topology.queues) {
    const subject = stageSubject(spec.name, stage, run);
    const { state } = await manager.streams.info(stream.name, { subjects_filter: subject });
    queued += state.subjects?.[subject] ?? 0;
  }
  const consumer = await manager.consumers.info(topology.receipts.name, receiptsConsumer(run));
  const receiptsUnread = consumer.num_pending + consumer.num_ack_pending - receiptsHeld();
  return { startedAt: now, queued, receiptsUnread: Math.max(0, receiptsUnread) };
}
