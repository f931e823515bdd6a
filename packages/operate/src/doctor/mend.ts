import { type Mend } from './finding.ts';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  type Drifted,
  ensureConsumer,
  ensureStream,
  Runs,
  settleConsumer,
  settleStream,
} from '@leat/runtime';

/** What is refused is thrown: `mend` says so. */
const REPAIR = {
  mayRepair: true,
  tell: ({ refusal }: Drifted): void => {
    if (refusal !== undefined) throw new Error(refusal);
  },
};

/**
 * Makes one change on a server: creates what is missing, or puts right what is there.
 *
 * @throws whatever the server refuses it with
 */
export async function mend(nats: NatsConnection, change: Mend): Promise<void> {
  const manager = await jetstreamManager(nats, { timeout: 5_000, checkAPI: false });
  switch (change.kind) {
    case 'create-stream': {
      const { object, consumer } = change;
      await ensureStream(manager, object);
      if (consumer !== undefined) await ensureConsumer(manager, object.stream.name, consumer);
      return;
    }
    case 'create-bucket':
      await Runs.open(jetstream(nats), change.bucket, change.replicas, { signing: undefined });
      return;
    case 'create-consumer':
      await ensureConsumer(manager, change.stream, change.consumer);
      return;
    case 'repair-stream': {
      const { config } = await manager.streams.info(change.object.stream.name);
      await settleStream(manager, change.object, config, REPAIR);
      return;
    }
    case 'repair-consumer': {
      const { stream, consumer } = change;
      const info = await manager.consumers.info(stream, consumer.durable_name);
      await settleConsumer(manager, stream, consumer, info, REPAIR);
    }
  }
}
