import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { redisMissing, startRedis } from '../brokers/redis.ts';
import type { Contender, Roles } from '../contender.ts';
import { readChunks } from '../job/dataset.ts';
import { Output, Saved } from '../job/output.ts';
import { mapLines } from '../job/transform.ts';
import { runRoles } from '../measure/processes.ts';

/** Chunks in one `addBulk`, and how many of these are on their way. */
const BULK = 50;
const MAX_BULKS = 2;
/** Jobs that a worker has in hand. */
const CONCURRENCY = 32;

/** A chunk as the data of a job: its lines as one string, which no role but the mapper takes apart. */
interface ChunkData {
  readonly chunk: number;
  readonly lines: string;
}

const JOB = { removeOnComplete: true, removeOnFail: true, attempts: 3 };

export const roles: Roles = {
  fetcher: async (job, broker) => {
    const queue = new Queue<ChunkData>('map', { connection: connectTo(broker) });
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
        const data = { chunk, lines: body.toString() };
        bulk.push({ name: 'chunk', data, opts: { ...JOB, jobId: `c${chunk++}` } });
        if (bulk.length === BULK) await send();
      }
      await send();
      await Promise.all(onTheirWay);
    };
  },

  mapper: async (job, broker) => {
    const queue = new Queue<ChunkData>('save', { connection: connectTo(broker) });
    await queue.waitUntilReady();
    return async () => {
      const worker = new Worker<ChunkData>(
        'map',
        async ({ data: { chunk, lines } }) => {
          const mapped = { chunk, lines: mapLines(lines, job.transform) };
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
      const worker = new Worker<ChunkData>(
        'save',
        async ({ data: { chunk, lines } }) => {
          await output.append(Buffer.from(lines));
          saved.add(chunk);
        },
        { connection: connectTo(broker), concurrency: CONCURRENCY },
      );
      await Promise.race([saved.all, untilBroken(worker)]);
    };
  },
};

function connectTo(broker: string): ConnectionOptions {
  return new Redis(broker, { maxRetriesPerRequest: null });
}

/** Jobs that fail and connections that break would make the measurement worthless. */
function untilBroken(worker: Worker<ChunkData>): Promise<never> {
  return new Promise((_, reject) => {
    worker.on('error', reject);
    worker.on('failed', (_job, error) => reject(error));
  });
}

export const bullmq: Contender = {
  name: 'bullmq',
  about: `BullMQ on Redis, append-only file synced every second; addBulk of ${BULK}, concurrency ${CONCURRENCY}, removeOnComplete`,
  missing: redisMissing,
  run: (job, sampler) => runRoles('bullmq', 'apart', job, startRedis, sampler),
};
