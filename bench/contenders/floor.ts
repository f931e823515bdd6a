import { jetstream } from '@nats-io/jetstream';
import type { Contender, Roles } from '../contender.ts';
import { Output, Saved } from '../job/output.ts';
import { startNats } from '../brokers/nats.ts';
import { runRoles } from '../measure/processes.ts';
import { addQueues, connectTo, ID, mapped, publisher, PULL, sendChunks } from './raw-jetstream.ts';

/**
 * The smallest program that moves chunks through JetStream: the same queues as Leat's, the same messages,
 * each acknowledged when what came of it is stored. No ledger, no receipts, no recovery.
 */
export const roles: Roles = {
  fetcher: async (job, broker) => {
    const connection = await connectTo(broker);
    await addQueues(connection, 'floor', ['map', 'save']);
    const publish = publisher(connection);
    return () => sendChunks(job, publish, 'floor.map');
  },

  mapper: async (job, broker) => {
    const connection = await connectTo(broker);
    const publish = publisher(connection);
    return async () => {
      const consumer = await jetstream(connection).consumers.get('floor_map', 'map');
      const messages = await consumer.consume({
        max_messages: PULL,
        callback: (message) => {
          const body = mapped(message, job.transform);
          const id = message.headers?.get(ID) ?? '';
          void publish('floor.save', body, id).then(() => message.ack());
        },
      });
      await messages.closed();
    };
  },

  saver: async (job, broker) => {
    const connection = await connectTo(broker);
    const output = new Output(job);
    const saved = new Saved(job);
    return async () => {
      const consumer = await jetstream(connection).consumers.get('floor_save', 'save');
      await consumer.consume({
        max_messages: PULL,
        callback: (message) => {
          void output.append(message.data).then(() => {
            message.ack();
            saved.add(Number(message.headers?.get(ID)));
          });
        },
      });
      await saved.all;
      await connection.flush();
    };
  },
};

const about =
  'JetStream on file, synced every second; written by hand on @nats-io/jetstream, no ledger, no receipts, no recovery';

export const floor: Contender = {
  name: 'floor',
  about,
  run: (job, sampler) => runRoles('floor', 'apart', job, startNats, sampler),
};

export const floorInOne: Contender = {
  name: 'floor, one process',
  about,
  run: (job, sampler) => runRoles('floor', 'together', job, startNats, sampler),
};
