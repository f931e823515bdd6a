import { setTimeout as wait } from 'node:timers/promises';
import PgBoss from 'pg-boss';
import { startPostgres } from '../brokers/postgres.ts';
import type { Contender, Roles } from '../contender.ts';
import { readChunks } from '../job/dataset.ts';
import { Output, Saved } from '../job/output.ts';
import { mapLines } from '../job/transform.ts';
import { runRoles } from '../measure/processes.ts';

/** Chunks that are inserted, fetched and completed by one statement. */
const BATCH = 50;
const MAX_INSERTS = 2;
/** Loops that fetch, in each mapper and in the saver. */
const LOOPS = 2;
/** `work()` asks twice a second at most, so these loops are what its documentation calls tuned. */
const EMPTY_WAIT_MS = 5;

interface ChunkData {
  readonly chunk: number;
  readonly lines: string;
}

export const roles: Roles = {
  fetcher: async (job, broker) => {
    const boss = await start(broker, true);
    for (const name of ['map', 'save']) await boss.createQueue(name);
    return async () => {
      const onTheirWay = new Set<Promise<unknown>>();
      let batch: PgBoss.JobInsert<ChunkData>[] = [];
      let chunk = 0;
      const send = async (): Promise<void> => {
        const sent = boss.insert(batch);
        batch = [];
        onTheirWay.add(sent);
        void sent.finally(() => onTheirWay.delete(sent));
        if (onTheirWay.size >= MAX_INSERTS) await Promise.race(onTheirWay);
      };
      for await (const body of readChunks(job.dataset, job.chunkSize)) {
        batch.push({ name: 'map', data: { chunk: chunk++, lines: body.toString() } });
        if (batch.length === BATCH) await send();
      }
      await send();
      await Promise.all(onTheirWay);
    };
  },

  mapper: async (job, broker) => {
    const boss = await start(broker, false);
    return () =>
      loops(boss, 'map', async (chunks) => {
        await boss.insert(
          chunks.map(({ chunk, lines }) => ({
            name: 'save',
            data: { chunk, lines: mapLines(lines, job.transform) },
          })),
        );
      });
  },

  saver: async (job, broker) => {
    const boss = await start(broker, false);
    const output = new Output(job);
    const saved = new Saved(job);
    return async () => {
      const saving = loops(boss, 'save', async (chunks) => {
        await Promise.all(chunks.map(({ lines }) => output.append(Buffer.from(lines))));
        for (const { chunk } of chunks) saved.add(chunk);
      });
      await Promise.race([saved.all, saving]);
    };
  },
};

async function start(broker: string, migrate: boolean): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: broker, supervise: false, schedule: false, migrate });
  return boss.start();
}

/** Fetches, works and completes, batch after batch, for ever. */
async function loops(
  boss: PgBoss,
  queue: string,
  work: (chunks: readonly ChunkData[]) => Promise<void>,
): Promise<void> {
  const loop = async (): Promise<never> => {
    for (;;) {
      const jobs = await boss.fetch<ChunkData>(queue, { batchSize: BATCH });
      if (jobs.length === 0) {
        await wait(EMPTY_WAIT_MS);
        continue;
      }
      await work(jobs.map(({ data }) => data));
      await boss.complete(
        queue,
        jobs.map(({ id }) => id),
      );
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
}

export const pgBoss: Contender = {
  name: 'pg-boss',
  about: `pg-boss on PostgreSQL with synchronous_commit = off; fetch and complete in loops, ${BATCH} chunks by each statement`,
  run: (job, sampler) => runRoles('pg-boss', 'apart', job, startPostgres, sampler),
};
