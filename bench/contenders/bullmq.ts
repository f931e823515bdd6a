import { type ConnectionOptions, Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { redisMissing, startRedis } from '../brokers/redis.ts';
import type { Contender, Roles } from '../contender.ts';
import { readChunks } from '../job/dataset.ts';
import { type Form, RECORDS } from '../job/form.ts';
import { Output, Saved } from '../job/output.ts';
import { runRoles } from '../measure/processes.ts';

/** Chunks in one `addBulk`, and how many of these are on their way. */
const BULK = 50;
const MAX_BULKS = 2;
/** Jobs that a worker has in hand. */
const CONCURRENCY = 32;

interface ChunkData<Data> {
  readonly chunk: number;
  readonly data: Data;
}

const JOB = { removeOnComplete: true, removeOnFail: true, attempts: 3 };

export function bullmqRoles<Data>(form: Form<Data>): Required<Roles> {
  return {
    fetcher: async (job, broker) => {
      const queue = new Queue<ChunkData<Data>>('map', { connection: connectTo(broker) });
      await queue.waitUntilReady();
      return async () => {
        const onTheirWay = new Set<Promise<unknown>>();
        let bulk: Parameters<typeof queue.addBulk>[0] = [];
        let chunk = 0;
        const send = async (): Promise<void> => {
          const sent = queue.addBulk(bulk);
          bulk = [];
          onTheirWay.add(sent);
          void sent.finally(() => onTheirWay.delete(sent));
          if (onTheirWay.size >= MAX_BULKS) await Promise.race(onTheirWay);
        };
        for await (const body of readChunks(job.dataset, job.chunkSize)) {
          const data = { chunk, data: form.pack(body) };
          bulk.push({ name: 'chunk', data, opts: { ...JOB, jobId: `c${chunk++}` } });
          if (bulk.length === BULK) await send();
        }
        await send();
        await Promise.all(onTheirWay);
      };
    },

    mapper: async (job, broker) => {
      const queue = new Queue<ChunkData<Data>>('save', { connection: connectTo(broker) });
      await queue.waitUntilReady();
      return async () => {
        const worker = new Worker<ChunkData<Data>>(
          'map',
          async ({ data: { chunk, data } }) => {
            const mapped = { chunk, data: form.map(data, job.transform) };
            await queue.add('chunk', mapped, { ...JOB, jobId: `c${chunk}` });
          },
          { connection: connectTo(broker), concurrency: CONCURRENCY },
        );
        await untilBroken(worker);
      };
    },

    saver: async (job, broker) => {
      const output = new Output(job);
      const saved = new Saved(job);
      await Promise.resolve();
      return async () => {
        const worker = new Worker<ChunkData<Data>>(
          'save',
          async ({ data: { chunk, data } }) => {
            await output.append(form.unpack(data));
            saved.add(chunk);
          },
          { connection: connectTo(broker), concurrency: CONCURRENCY },
        );
        await Promise.race([saved.all, untilBroken(worker)]);
      };
    },
  };
}

/** One queue: who has mapped a chunk saves it, and BullMQ's own events say so to the fetcher. */
export function bullmqInlineRoles<Data>(form: Form<Data>): Roles {
  const { fetcher } = bullmqRoles(form);
  return {
    fetcher: async (job, broker) => {
      const events = new QueueEvents('map', { connection: connectTo(broker) });
      const saved = new Saved(job);
      events.on('completed', ({ jobId }) => saved.add(Number(jobId.slice(1))));
      await events.waitUntilReady();
      const send = await fetcher(job, broker);
      return async () => {
        await send();
        await saved.all;
      };
    },

    mapper: async (job, broker) => {
      const output = new Output(job);
      await Promise.resolve();
      return async () => {
        const worker = new Worker<ChunkData<Data>>(
          'map',
          ({ data: { data } }) => output.append(form.unpack(form.map(data, job.transform))),
          { connection: connectTo(broker), concurrency: CONCURRENCY },
        );
        await untilBroken(worker);
      };
    },
  };
}

export const roles: Roles = bullmqRoles(RECORDS);

function connectTo(broker: string): ConnectionOptions {
  return new Redis(broker, { maxRetriesPerRequest: null });
}

/** Jobs that fail and connections that break would make the measurement worthless. */
function untilBroken(worker: Worker): Promise<never> {
  return new Promise((_, reject) => {
    worker.on('error', reject);
    worker.on('failed', (_job, error) => reject(error));
  });
}

export const BULLMQ_SETUP = `BullMQ on Redis, append-only file synced every second; addBulk of ${BULK}, concurrency ${CONCURRENCY}, removeOnComplete`;

export const bullmq: Contender = {
  name: 'bullmq',
  about: `${BULLMQ_SETUP}; a job's data are an array of records`,
  missing: redisMissing,
  run: (job, sampler) => runRoles('bullmq', 'apart', job, startRedis, sampler),
};
