import { receiptsConsumer, receiptsSubject, subjectsOfRun, type Topology } from '@leat/core';
import type { JetStreamManager } from '@nats-io/jetstream';
import { isGone, removeConsumer } from './provision.ts';

/** Removes a run's messages from all queues, and its receipts with their consumer. Dead letters stay. */
export async function purgeRun(
  manager: JetStreamManager,
  topology: Topology,
  pipeline: string,
  run: string,
): Promise<void> {
  const stages = topology.queues.map(({ stage }) => stage);
  await purgeQueues(manager, topology, run, stages);
  const { name } = topology.receipts;
  await removeConsumer(manager, name, receiptsConsumer(run));
  await purge(manager, name, receiptsSubject(pipeline, run));
}

/** Removes a run's messages from the queues in front of some stages. */
export async function purgeQueues(
  manager: JetStreamManager,
  topology: Topology,
  run: string,
  stages: readonly string[],
): Promise<void> {
  for (const { stage, stream, consumer } of topology.queues) {
    if (!stages.includes(stage)) continue;
    await purge(manager, stream.name, subjectsOfRun(consumer, run));
  }
}

/** A stream that is gone has nothing. */
async function purge(manager: JetStreamManager, stream: string, filter: string): Promise<void> {
  try {
    await manager.streams.purge(stream, { filter });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
