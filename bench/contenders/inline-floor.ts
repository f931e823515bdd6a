import { jetstream } from '@nats-io/jetstream';
import type { Contender, Roles } from '../contender.ts';
import { Output, Saved } from '../job/output.ts';
import { startNats } from '../brokers/nats.ts';
import { runRoles } from '../measure/processes.ts';
import {
  addQueues,
  connectTo,
  ID,
  mapped,
  type Publish,
  publisher,
  PULL,
  sendChunks,
} from './raw-jetstream.ts';

/**
 * The smallest program with one hop: who has mapped a chunk saves it, too, and says so to the fetcher
 * before acknowledging it. As in Leat, the word is stored, and chunks that were written together share
 * one message. No ledger, no recovery.
 */
export const roles: Roles = {
  fetcher: async (job, broker) => {
    const connection = await connectTo(broker);
    await addQueues(connection, 'inline', ['map', 'receipts']);
    const publish = publisher(connection);
    const saved = new Saved(job);
    const receipts = await jetstream(connection).consumers.get('inline_receipts', 'receipts');
    await receipts.consume({
      max_messages: PULL,
      callback: (message) => {
        for (const id of message.string().split(' ')) saved.add(Number(id));
        message.ack();
      },
    });
    return async () => {
      await sendChunks(job, publish, 'inline.map');
      await saved.all;
      await connection.flush();
    };
  },

  mapper: async (job, broker) => {
    const connection = await connectTo(broker);
    const receipts = new Receipts(publisher(connection));
    const output = new Output(job);
    return async () => {
      const consumer = await jetstream(connection).consumers.get('inline_map', 'map');
      const messages = await consumer.consume({
        max_messages: PULL,
        callback: (message) => {
          const body = mapped(message, job.transform);
          const id = message.headers?.get(ID) ?? '';
          void output
            .append(body)
            .then(() => receipts.send(id))
            .then(() => message.ack());
        },
      });
      await messages.closed();
    };
  },
};

/** Receipts of one turn of the event loop go in one message. */
class Receipts {
  readonly #publish: Publish;
  #ids: string[] = [];
  #sent: Promise<void> = Promise.resolve();

  constructor(publish: Publish) {
    this.#publish = publish;
  }

  /** Resolves when the server has stored the receipt of a chunk. */
  send(id: string): Promise<void> {
    if (this.#ids.push(id) === 1) {
      this.#sent = new Promise((resolve) => setImmediate(resolve)).then(() => {
        const ids = this.#ids;
        this.#ids = [];
        return this.#publish('inline.receipts', Buffer.from(ids.join(' ')), `${ids[0]}`);
      });
    }
    return this.#sent;
  }
}

export const inlineFloor: Contender = {
  name: 'floor, inline',
  about:
    'JetStream on file, synced every second; written by hand on @nats-io/jetstream, one hop, receipts in batches, no ledger, no recovery',
  run: (job, sampler) => runRoles('inline-floor', 'inline', job, startNats, sampler),
};
