import { receiptsConsumer, receiptsSubject, stageSubject, type Topology } from '@leat/core';
import type { JetStreamManager } from '@nats-io/jetstream';
import { removeConsumer } from './provision.ts';

/** Removes a run's messages from all queues, and its receipts with their consumer. Dead letters stay. */
export async function purgeRun(
  manager: JetStreamManager,
  topology: Topology,
  pipeline: string,
  run: string,
): Promise<void> {
  const stages = topology.queues.map(({ stage }) => stage);
  await purgeQueues(manager, topology, pipeline, run, stages);
  const { name } = topology.receipts;
  await removeConsumer(manager, name, receiptsConsumer(run));
  await manager.streams.purge(name, { filter: receiptsSubject(pipeline, run) });
}

/** Removes a run's messages from the queues in front of some stages. */
export async function purgeQueues(
  manager: JetStreamManager,
  topology: Topology,
  pipeline: string,
  run: string,
  stages: readonly string[],
): Promise<void> {
  for (const { stage, stream } of topology.queues) {
    if (!stages.includes(stage)) continue;
    await manager.streams.purge(stream.name, { filter: stageSubject(pipeline, stage, run) });
  }
}
