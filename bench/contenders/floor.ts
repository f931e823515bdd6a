import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import {
  connect,
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
} from '@nats-io/transport-node';
import { setTimeout as wait } from 'node:timers/promises';
import type { Contender, Roles } from '../contender.ts';
import { readChunks } from '../job/dataset.ts';
import { Output, Saved } from '../job/output.ts';
import { mapLines } from '../job/transform.ts';
import { startNats } from '../brokers/nats.ts';
import { runRoles } from '../measure/processes.ts';

const STAGES = ['map', 'save'];
/** Publishes on their way; Leat's fetcher has as many. */
const MAX_PUBLISHES = 128;
/** Messages asked for ahead; Leat's stages hold as many. */
const PULL = 64;
const ID = 'Nats-Msg-Id';

/**
 * The smallest program that moves chunks through JetStream: the same queues as Leat's, the same messages,
 * each acknowledged when what came of it is stored. No ledger, no receipts, no recovery.
 */
export const roles: Roles = {
  fetcher: async (job, broker) => {
    const connection = await connectTo(broker);
    const manager = await jetstreamManager(connection);
    for (const stage of STAGES) {
      const name = `floor_${stage}`;
      await manager.streams.add({
        name,
        subjects: [`floor.${stage}`],
        retention: 'workqueue',
        storage: 'file',
        discard: 'new',
        max_msgs: 2_000,
        max_bytes: 256 * 1024 * 1024,
      });
      await manager.consumers.add(name, {
        durable_name: stage,
        ack_policy: 'explicit',
        max_ack_pending: 2_000,
      });
    }
    const publish = publisher(connection);
    return async () => {
      const onTheirWay = new Set<Promise<void>>();
      let chunk = 0;
      for await (const body of readChunks(job.dataset, job.chunkSize)) {
        const sent = publish('floor.map', body, `${chunk++}`);
        onTheirWay.add(sent);
        void sent.finally(() => onTheirWay.delete(sent));
        if (onTheirWay.size >= MAX_PUBLISHES) await Promise.race(onTheirWay);
      }
      await Promise.all(onTheirWay);
    };
  },

  mapper: async (job, broker) => {
    const connection = await connectTo(broker);
    const publish = publisher(connection);
    return async () => {
      const consumer = await jetstream(connection).consumers.get('floor_map', 'map');
      const messages = await consumer.consume({
        max_messages: PULL,
        callback: (message) => {
          const body =
            job.transform === 'bytes'
              ? message.data
              : Buffer.from(mapLines(message.string(), job.transform));
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

function connectTo(broker: string): Promise<NatsConnection> {
  return connect({ servers: broker, noAsyncTraces: true });
}

type Publish = (subject: string, body: Uint8Array, id: string) => Promise<void>;

/** Many publishes at a time over one reply inbox; one that is refused, because the queue is full, is repeated. */
function publisher(connection: NatsConnection): Publish {
  const inbox = createInbox();
  const waiting = new Map<string, (answer: Msg) => void>();
  connection.subscribe(`${inbox}.*`, {
    callback: (_, message) => {
      waiting.get(message.subject)?.(message);
      waiting.delete(message.subject);
    },
  });
  let count = 0;
  return async (subject, body, id) => {
    const options = { headers: headers(), reply: '' };
    options.headers.set(ID, id);
    for (;;) {
      options.reply = `${inbox}.${count++}`;
      const answer = await new Promise<Msg>((resolve) => {
        waiting.set(options.reply, resolve);
        connection.publish(subject, body, options);
      });
      if (answer.json<{ readonly error?: unknown }>().error === undefined) return;
      await wait(10);
    }
  };
}

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
