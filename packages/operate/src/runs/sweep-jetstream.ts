import { bucketName, messageOf } from '@leat/core';
import { DeadLetterStore, jetStreamStores, type Runs, sweepRuns } from '@leat/runtime';
import { jetstream } from '@nats-io/jetstream';
import type { Site } from '../site.ts';

/** Removes what stages of a pipeline kept on JetStream for runs that are over. What cannot be removed now stays. */
export async function sweepJetStream(
  { nats, signing, topology: { replicas }, logger }: Site,
  pipeline: string,
  runs: Runs,
): Promise<void> {
  const client = jetstream(nats, { timeout: 5_000 });
  const manager = await client.jetstreamManager(false);
  const stores = jetStreamStores({
    client,
    manager,
    bucket: bucketName(pipeline),
    replicas,
    maxPayload: () => 0, // nothing is written
  });
  try {
    await sweepRuns(stores, { runs, letters: new DeadLetterStore(manager, pipeline, signing) });
  } catch (error) {
    logger.warn({ err: error }, `what stages have kept was not removed yet: ${messageOf(error)}`);
  }
}
