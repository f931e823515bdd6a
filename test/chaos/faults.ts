import { rm } from 'node:fs/promises';
import type { NatsServer } from '@leat/nats-server';
import { wait } from '@leat/runtime';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import type { TestPostgres } from '../support/postgres.ts';
import type { FaultName, Strike } from './plan.ts';
import type { Replica } from './supervisor.ts';

/** What can be struck. */
export interface World {
  readonly pipeline: string;
  readonly server: NatsServer;
  readonly replicas: readonly Replica[];
  /** By a replica's name, how its pipeline file is edited when it starts the next time. */
  readonly edits: Map<string, string>;
  /** Absent where the pipeline has no such sink; strikes at it then miss. */
  readonly postgres?: TestPostgres;
}

type Act = (world: World, strike: Strike, over: AbortSignal) => Promise<void>;

/** How each fault is brought about, and taken back. */
export const ACTS: Record<FaultName, Act> = {
  kill: async ({ replicas }, { target, forMs }) => {
    for (const each of replicas) if (each.name === target) each.signal('SIGKILL', forMs);
  },
  'kill all of a role': async ({ replicas }, { target, forMs }) => {
    for (const each of replicas) if (each.role === target) each.signal('SIGKILL', forMs);
  },
  terminate: async ({ replicas }, { target, forMs }) => {
    for (const each of replicas) if (each.name === target) each.signal('SIGTERM', forMs);
  },
  'roll out a graph': (world, strike, over) => rollOut('graph', world, strike, over),
  'roll out sizes': (world, strike, over) => rollOut('sizes', world, strike, over),
  freeze: async ({ replicas }, { target, forMs }, over) => {
    const replica = replicas.find(({ name }) => name === target);
    replica?.signal('SIGSTOP');
    await pause(forMs, over);
    replica?.signal('SIGCONT');
  },
  'kill server': async ({ server }, { forMs }, over) => {
    await server.kill('SIGKILL');
    await pause(forMs, over);
    await server.restart();
  },
  'stop server': async ({ server }, { forMs }, over) => {
    await server.kill('SIGTERM');
    await pause(forMs, over);
    await server.restart();
  },
  'freeze server': async ({ server }, { forMs }, over) => {
    process.kill(server.pid, 'SIGSTOP');
    await pause(forMs, over);
    process.kill(server.pid, 'SIGCONT');
  },
  'wipe storage': async ({ server }, { forMs }, over) => {
    await server.kill('SIGKILL');
    await rm(server.storeDir, { recursive: true });
    await pause(forMs, over);
    await server.restart();
  },
  'delete stream': (world, { target }) =>
    manage(world, (manager) => manager.streams.delete(`leat_${world.pipeline}_${target}`)),
  'delete consumer': (world, { target }) =>
    manage(world, async (manager) => {
      const stream = `leat_${world.pipeline}_${target}`;
      for await (const { name } of manager.consumers.list(stream)) {
        await manager.consumers.delete(stream, name);
      }
    }),
  'purge stream': (world, { target }) =>
    manage(world, (manager) => manager.streams.purge(`leat_${world.pipeline}_${target}`)),
  'delete bucket': (world) =>
    manage(world, (manager) => manager.streams.delete(`KV_leat_${world.pipeline}`)),
  'stop postgres': async ({ postgres }, { forMs }, over) => {
    await postgres?.stop();
    await pause(forMs, over);
    await postgres?.restart();
  },
  'lock table': async ({ postgres }, { forMs }, over) => {
    if (postgres === undefined) return;
    const database = await openPostgres({ connectionString: postgres.url }, 1, () => undefined);
    try {
      await database.transaction(async (queries) => {
        await queries.query('LOCK TABLE squares IN ACCESS EXCLUSIVE MODE');
        await pause(forMs, over);
      });
    } finally {
      await database.close();
    }
  },
};

/** Starts a replica again with an edited file, and later with the run's own. */
async function rollOut(
  edit: string,
  { replicas, edits }: World,
  { target, forMs }: Strike,
  over: AbortSignal,
): Promise<void> {
  const replica = replicas.find(({ name }) => name === target);
  edits.set(target, edit);
  replica?.signal('SIGTERM', 0);
  await pause(forMs, over);
  edits.delete(target);
  replica?.signal('SIGTERM', 0);
}

/** Lasts until then, or until the run is over. */
async function pause(ms: number, over: AbortSignal): Promise<void> {
  await wait(ms, over).catch(() => undefined);
}

async function manage(
  { server }: World,
  action: (manager: JetStreamManager) => Promise<unknown>,
): Promise<void> {
  const connection = await connect({ servers: server.url, timeout: 2_000, reconnect: false });
  try {
    await action(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}
