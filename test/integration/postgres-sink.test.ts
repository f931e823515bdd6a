import { createServer } from 'node:net';
import { once } from 'node:events';
import type { SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openPostgres } from '../../packages/saver/src/sinks/postgres-database.ts';
import { postgres } from '../../packages/saver/src/sinks/postgres.ts';
import {
  all,
  commitInChild,
  contextOf,
  newRun,
  sampleChunks,
  testSink,
} from '../../packages/saver/src/sinks/sink.testsuite.ts';
import { testSqlSink } from '../../packages/saver/src/sinks/sql-sink.testsuite.ts';
import { type TestPostgres, startPostgres } from '../support/postgres.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());

async function query(text: string): Promise<void> {
  const database = openPostgres(server.url, 1, () => undefined);
  try {
    await database.query(text);
  } finally {
    await database.close();
  }
}

testSink('postgres', () => {
  const options = { url: server.url, table: 'people' };
  return { sink: postgres(options), inChild: { kind: 'postgres', options: [options] } };
});
testSqlSink('postgres', () => ({
  sink: (table) => postgres({ url: server.url, table }),
  query,
}));

describe('postgres', () => {
  const sessions: SinkSession[] = [];
  const open = async (run: string, table = 'people', schema?: string): Promise<SinkSession> => {
    const options = { url: server.url, table, ...(schema === undefined ? {} : { schema }) };
    const session = await postgres(options).open(contextOf(run));
    sessions.push(session);
    return session;
  };
  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close();
  });

  test('works again with the same session after the server was away', async () => {
    const run = newRun();
    const session = await open(run);
    const chunks = sampleChunks(30);
    await session.commit(chunks.slice(0, 10));
    await server.stop();
    await expect(session.commit(chunks)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    const committed = await session.commit(chunks);
    expect(committed.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(20);
    expect(await all(session.receipts())).toHaveLength(30);
  });

  test('loses and doubles nothing when the server is stopped in mid-commit', async () => {
    const run = newRun();
    const session = await open(run);
    const chunks = sampleChunks(2000);
    const commitAll = async (): Promise<number> => {
      let failures = 0;
      const batches = Array.from({ length: 40 }, (_, n) => chunks.slice(n * 50, n * 50 + 50));
      const lane = async (): Promise<void> => {
        for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
          await session.commit(batch).catch(() => failures++);
        }
      };
      await Promise.all([lane(), lane(), lane(), lane()]);
      return failures;
    };
    const [failures] = await Promise.all([
      commitAll(),
      new Promise((resolve) => setTimeout(resolve, 30)).then(server.stop),
    ]);
    expect(failures).toBeGreaterThan(0);
    await server.restart();
    expect(await commitAll()).toBe(0);
    const stored = await all(session.read());
    expect(stored.map(({ chunk }) => chunk)).toEqual(chunks.map(({ receipt }) => receipt.chunk));
    expect(stored.every(({ records }) => records === 3)).toBe(true);
  });

  test('creates its tables once when several processes open at the same time', async () => {
    const options = { url: server.url, table: 'raced', schema: 'new "schema"' };
    const run = newRun();
    const chunks = sampleChunks(40);
    const inChild = { kind: 'postgres', options: [options] };
    const committed = await Promise.all([1, 2, 3].map(() => commitInChild(inChild, run, chunks)));
    expect(committed.reduce((sum, count) => sum + count, 0)).toBe(40);
    expect(await all((await open(run, 'raced', 'new "schema"')).receipts())).toHaveLength(40);
  });

  test.each([
    ['a database that does not exist', (url: string) => url.replace('/postgres', '/nowhere')],
    ['a user that does not exist', (url: string) => url.replace('leat@', 'nobody@')],
  ])('is unfit for %s', async (_what, change) => {
    const opened = postgres({ url: change(server.url), table: 'people' }).open(contextOf(newRun()));
    await expect(opened).rejects.toMatchObject({ code: 'sink-unfit' });
  });

  test('is not unfit while nobody listens, only not ready', async () => {
    const port = await unusedPort();
    const url = `postgres://leat@127.0.0.1:${port}/postgres`;
    const opened = postgres({ url, table: 'people' }).open(contextOf(newRun()));
    await expect(opened).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('takes DATABASE_URL when no url is given', async () => {
    const before = process.env['DATABASE_URL'];
    process.env['DATABASE_URL'] = server.url;
    try {
      const session = await postgres({ table: 'people' }).open(contextOf(newRun()));
      sessions.push(session);
      expect(await session.commit(sampleChunks(1))).toHaveLength(1);
    } finally {
      if (before === undefined) delete process.env['DATABASE_URL'];
      else process.env['DATABASE_URL'] = before;
    }
  });
});

async function unusedPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
