import { setTimeout as wait } from 'node:timers/promises';
import PgBoss from 'pg-boss';
import { startPostgres } from '../brokers/postgres.ts';
import type { Contender, Roles } from '../contender.ts';
import { readChunks } from '../job/dataset.ts';
import { type Form, RECORDS } from '../job/form.ts';
import { Output, Saved } from '../job/output.ts';
import { runRoles } from '../measure/processes.ts';

/** Chunks that are inserted, fetched and completed by one statement. */
const BATCH = 50;
const MAX_INSERTS = 2;
/** Loops that fetch, in each mapper and in the saver. */
const LOOPS = 2;
/** `work()` asks twice a second at most, so these loops are what its documentation calls tuned. */
const EMPTY_WAIT_MS = 5;

interface ChunkData<Data> {
  readonly chunk: number;
  readonly data: Data;
}

export function pgBossRoles<Data>(form: Form<Data>): Roles {
  return {
    fetcher: async (job, broker) => {
      const boss = await start(broker, true);
      for (const name of ['map', 'save']) await boss.createQueue(name);
      return async () => {
        const onTheirWay = new Set<Promise<unknown>>();
        let batch: PgBoss.JobInsert<ChunkData<Data>>[] = [];
        let chunk = 0;
        const send = async (): Promise<void> => {
          const sent = boss.insert(batch);
          batch = [];
          onTheirWay.add(sent);
          void sent.finally(() => onTheirWay.delete(sent));
          if (onTheirWay.size >= MAX_INSERTS) await Promise.race(onTheirWay);
        };
        for await (const body of readChunks(job.dataset, job.chunkSize)) {
          batch.push({ name: 'map', data: { chunk: chunk++, data: form.pack(body) } });
          if (batch.length === BATCH) await send();
        }
        await send();
        await Promise.all(onTheirWay);
      };
    },

    mapper: async (job, broker) => {
      const boss = await start(broker, false);
      return () =>
        loops<Data>(boss, 'map', async (chunks) => {
          await boss.insert(
            chunks.map(({ chunk, data }) => ({
              name: 'save',
              data: { chunk, data: form.map(data, job.transform) },
            })),
          );
        });
    },

    saver: async (job, broker) => {
      const boss = await start(broker, false);
      const output = new Output(job);
      const saved = new Saved(job);
      return async () => {
        const saving = loops<Data>(boss, 'save', async (chunks) => {
          await Promise.all(chunks.map(({ data }) => output.append(form.unpack(data))));
          for (const { chunk } of chunks) saved.add(chunk);
        });
        await Promise.race([saved.all, saving]);
      };
    },
  };
}

export const roles: Roles = pgBossRoles(RECORDS);

async function start(broker: string, migrate: boolean): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: broker, supervise: false, schedule: false, migrate });
  return boss.start();
}

/** Fetches, works and completes, batch after batch, for ever. */
async function loops<Data>(
  boss: PgBoss,
  queue: string,
  work: (chunks: readonly ChunkData<Data>[]) => Promise<void>,
): Promise<void> {
  const loop = async (): Promise<never> => {
    for (;;) {
      const jobs = await boss.fetch<ChunkData<Data>>(queue, { batchSize: BATCH });
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

export const PG_BOSS_SETUP = `pg-boss on PostgreSQL with synchronous_commit = off; insert, fetch and complete in loops, ${BATCH} chunks by each statement`;

export const pgBoss: Contender = {
  name: 'pg-boss',
  about: `${PG_BOSS_SETUP}; a job's data are an array of records`,
  run: (job, sampler) => runRoles('pg-boss', 'apart', job, startPostgres, sampler),
};
