import { type Mend } from './finding.ts';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { ensureConsumer, ensureStream } from '@leat/runtime';
import { Runs } from '@leat/runtime';

/**
 * Makes one change on a server: creates what is missing, or changes settings of what is there.
 *
 * @throws whatever the server refuses it with
 */
export async function mend(nats: NatsConnection, change: Mend): Promise<void> {
  const manager = await jetstreamManager(nats, { timeout: 5_000, checkAPI: false });
  switch (change.kind) {
    case 'create-stream': {
      const { stream, consumer } = change;
      await ensureStream(manager, stream);
      if (consumer !== undefined) await ensureConsumer(manager, stream.name, consumer);
      return;
    }
    case 'create-bucket':
      await Runs.open(jetstream(nats), change.bucket, change.replicas);
      return;
    case 'create-consumer':
      await ensureConsumer(manager, change.stream, change.consumer);
      return;
    case 'update-stream':
      await manager.streams.update(change.stream, change.change);
      return;
    case 'update-consumer':
      await manager.consumers.update(change.stream, change.consumer, change.change);
  }
}
