import { startPostgres as start } from '../../test/support/postgres.ts';
import type { Broker } from './broker.ts';

/**
 * PostgreSQL that syncs what it has committed a fraction of a second later: the durability of the other
 * brokers. Commits that wait for the disk were no slower to speak of on the machine of docs/performance.md.
 */
export async function startPostgres(): Promise<Broker> {
  const server = await start({
    fsync: 'on',
    synchronous_commit: 'off',
    shared_buffers: '256MB',
    max_wal_size: '4GB',
  });
  return { url: server.url, pid: server.pid(), stop: () => server[Symbol.asyncDispose]() };
}
