import { type QueueObservation, receiptsConsumer, stageSubject } from '@leat/core';
import type { PipelineConnection } from '../jetstream/pipeline-connection.ts';

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
  const { manager, spec, topology } = connection;
  let queued = 0;
  for (const { stage, stream, consumer } of topology.queues) {
    const subject = stageSubject(spec.name, stage, run);
    const { state } = await manager.streams.info(stream.name, { subjects_filter: subject });
    const seen = await manager.consumers.info(stream.name, consumer.durable_name);
    // Of all runs together: what is left behind by one shows when the others have nothing there.
    queued += Math.min(state.subjects?.[subject] ?? 0, seen.num_pending + seen.num_ack_pending);
  }
  const receipts = await manager.consumers.info(topology.receipts.name, receiptsConsumer(run));
  const receiptsUnread = receipts.num_pending + receipts.num_ack_pending - receiptsHeld();
  return { startedAt: now, queued, receiptsUnread: Math.max(0, receiptsUnread) };
}
