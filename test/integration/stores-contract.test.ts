import { storesContract } from '@leat/testing/contracts';
import { afterAll, beforeAll, describe } from 'vitest';
import { postgresStores } from '../../packages/connectors/src/postgres/postgres-stores.ts';
import { lineSpec, openPipeline, SERVERS, sharedServer } from '../support/jetstream.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

describe.each(SERVERS)('on $server', ({ version }) => {
  const server = sharedServer(version, { config: 'max_payload: 64KB' });

  storesContract('JetStream', () => ({
    open: async ({ pipeline }) => {
      const { connection } = await openPipeline(server(), lineSpec(pipeline));
      return connection.openStores();
    },
    tooLarge: 'x'.repeat(65_000),
  }));
});

describe('on a server', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await startPostgres();
  });
  afterAll(() => database[Symbol.asyncDispose]());

  storesContract('PostgreSQL', () => postgresStores({ url: database.url }));
});
