import { open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { startNats } from '../brokers/nats.ts';
import type { Contender, Roles } from '../contender.ts';
import { readChunks } from '../job/dataset.ts';
import { Output, Saved } from '../job/output.ts';
import type { Item } from '../job/record.ts';
import { TRANSFORMS } from '../job/transform.ts';
import { runRoles } from '../measure/processes.ts';

/** app9 waits before each chunk, for up to ten seconds; a timer of zero is what is left of that. */
const DELAY_MS = 0;

/** A chunk, in app9's own form. */
interface Packet {
  readonly index: number;
  readonly data: readonly Item[];
}

/**
 * The protocol of app9 from the course "DevOps with Kubernetes", written anew from its description: the
 * fetcher asks who is listening, waits for the first answer, and sends one chunk, picked at random among
 * those whose saving has not been reported; a mapper listens while it is not at work. Only the generator,
 * the map and the saving are those of the job, and the delay of up to ten seconds is one of zero.
 */
export const roles: Roles = {
  fetcher: async (job, broker) => {
    const connection = await connectTo(broker);
    const file = await open(job.dataset);
    // app9 makes a chunk when it is picked; here it is read then.
    const ends = [0];
    for await (const body of readChunks(job.dataset, job.chunkSize)) {
      ends.push((ends.at(-1) ?? 0) + body.length);
    }
    const packet = async (index: number): Promise<string> => {
      const [from = 0, until = 0] = ends.slice(index, index + 2);
      const { buffer } = await file.read(Buffer.allocUnsafe(until - from), 0, until - from, from);
      return `{"index":${index},"data":[${buffer.toString().trimEnd().replaceAll('\n', ',')}]}`;
    };
    return async () => {
      let unprocessed = ends.slice(1).map((_, index) => index);
      connection.subscribe('processed_data', {
        callback: (_, message) => {
          const index = Number(message.string());
          unprocessed = unprocessed.filter((each) => each !== index);
        },
      });
      while (unprocessed.length > 0) {
        const index = unprocessed[Math.floor(Math.random() * unprocessed.length)] as number;
        await someoneListens(connection);
        connection.publish('mapper_data', await packet(index));
      }
    };
  },

  mapper: async (job, broker) => {
    const connection = await connectTo(broker);
    const { apply } = TRANSFORMS[job.transform === 'bytes' ? 'identity' : job.transform];
    let isAtWork = false;
    let work: Subscription;
    const getReady = (): void => {
      work = connection.subscribe('mapper_data', {
        queue: 'mapper.workers',
        callback: (_, message) => {
          isAtWork = true;
          work.unsubscribe();
          void wait(DELAY_MS).then(() => {
            const { index, data } = message.json<Packet>();
            connection.publish('saver_data', JSON.stringify({ index, data: data.map(apply) }));
            isAtWork = false;
            getReady();
          });
        },
      });
      connection.publish('mapper_status', 'im_listening');
    };
    return async () => {
      connection.subscribe('mapper_status', {
        callback: (_, message) => {
          if (message.string() !== 'anyone_listening' || isAtWork) return;
          connection.publish('mapper_status', 'im_listening');
        },
      });
      getReady();
      await connection.closed();
    };
  },

  saver: async (job, broker) => {
    const connection = await connectTo(broker);
    const output = new Output(job);
    const saved = new Saved(job);
    return async () => {
      connection.subscribe('saver_data', {
        queue: 'saver.workers',
        callback: (_, message) => {
          const { index, data } = message.json<Packet>();
          const lines = data.map((item) => `${JSON.stringify(item)}\n`).join('');
          void output.append(Buffer.from(lines)).then(() => {
            connection.publish('processed_data', `${index}`);
            saved.add(index);
          });
        },
      });
      await saved.all;
    };
  },
};

function connectTo(broker: string): Promise<NatsConnection> {
  return connect({ servers: broker, noAsyncTraces: true });
}

function someoneListens(connection: NatsConnection): Promise<void> {
  return new Promise((resolve) => {
    const answers = connection.subscribe('mapper_status', {
      callback: (_, message) => {
        if (message.string() !== 'im_listening') return;
        answers.unsubscribe();
        resolve();
      },
    });
    connection.publish('mapper_status', 'anyone_listening');
  });
}

export const app9: Contender = {
  name: 'app9',
  about:
    "app9's protocol on core NATS, in memory, its artificial delay set to zero: survives nothing",
  run: (job, sampler) => runRoles('app9', 'apart', job, startNats, sampler),
};
