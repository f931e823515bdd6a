import {
  all,
  claimContract,
  commitInChild,
  contextOf,
  fenceContract,
  newRun,
  sampleChunks,
  sinkContract,
  type SinkUnderTest,
} from '@leat/testing/contracts';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import { postgres } from '../../packages/connectors/src/postgres/postgres.ts';
import { testSqlClaim } from '../../packages/connectors/src/postgres/sql-claim.testsuite.ts';
import { testSqlSink } from '../../packages/connectors/src/postgres/sql-sink.testsuite.ts';
import { until } from '../support/until.ts';
import { type TestPostgres, startPostgres } from '../support/postgres.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Runs `work` while a transaction is open that has run one statement, and then ends it. */
async function whileOpen(
  statement: string,
  end: 'RELEASE' | 'ROLLBACK TO',
  work: () => Promise<void>,
): Promise<void> {
  const database = await openPostgres({ connectionString: server.url }, 1, () => undefined);
  try {
    await database.transaction(async (tx) => {
      await tx.query('SAVEPOINT before');
      await tx.query(statement);
      await work();
      await tx.query(`${end} SAVEPOINT before`);
    });
  } finally {
    await database.close();
  }
}

function insertReceipt(run: string, chunk: string): string {
  return `INSERT INTO leat_receipts (target, run, saver, chunk, ordinal, records_in, expanded, filtered, dead,
      retries, digest, fence, buried, source)
    VALUES ('people', '${run}', 'saver', '${chunk}', '{${chunk}}', 0, 0, 0, 0, 0, '', 1, '', '')`;
}

/** Waits until so many statements of savers wait for the locks of others. */
async function untilWaiting(count: number): Promise<void> {
  const database = await openPostgres({ connectionString: server.url }, 1, () => undefined);
  const waiting = `SELECT count(*)::text FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND application_name = 'leat-saver'`;
  try {
    await until(`${count} statements wait`, async () => {
      const [[found = null] = []] = await database.query(waiting);
      return Number(found) === count;
    });
  } finally {
    await database.close();
  }
}

async function query(text: string): Promise<void> {
  const database = await openPostgres({ connectionString: server.url }, 1, () => undefined);
  try {
    await database.query(text);
  } finally {
    await database.close();
  }
}

const underTest = (): SinkUnderTest => {
  const options = { url: server.url, table: 'people' };
  return {
    sink: postgres(options),
    inChild: { module: '@leat/connectors/postgres', name: 'postgres', options: [options] },
  };
};
sinkContract('postgres', underTest);
fenceContract('postgres', underTest);
claimContract('postgres', underTest);
testSqlSink('postgres', () => ({
  sink: (table) => postgres({ url: server.url, table }),
  query,
}));
testSqlClaim('postgres', () => ({
  sink: (table, schema) => postgres({ url: server.url, table, schema }),
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
  const openUnder = async (run: string, fence: number): Promise<void> => {
    const sink = postgres({ url: server.url, table: 'people' });
    sessions.push(await sink.open({ ...contextOf(run), fence }));
  };
  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close();
  });

  test('does not raise its fence before a commit that has seen the old one is over', async () => {
    const run = newRun();
    const [session, other] = [await open(run), await open(run)];
    const late: Promise<unknown>[] = [];
    await whileOpen(insertReceipt(run, '0'), 'ROLLBACK TO', async () => {
      late.push(session.commit(sampleChunks(2)));
      await untilWaiting(1);
      // Commits do not wait for each other.
      expect(await other.commit(sampleChunks(1, 9))).toMatchObject([{ isDuplicate: false }]);
      late.push(openUnder(run, 2));
      await untilWaiting(2);
    });
    const [committed] = await Promise.all(late);
    expect(committed).toMatchObject([{ isDuplicate: false }, { isDuplicate: false }]);
    await expect(session.commit(sampleChunks(1, 5))).rejects.toMatchObject({ code: 'fenced' });
  });

  test('lets a commit that has waited for the raising of its fence commit nothing', async () => {
    const run = newRun();
    const session = await open(run);
    const refused: Promise<unknown>[] = [];
    const raise = `UPDATE leat_fences SET fence = 2 WHERE run = '${run}'`;
    await whileOpen(raise, 'RELEASE', async () => {
      const commit = session.commit(sampleChunks(2));
      refused.push(commit.catch((error: unknown) => error));
      await untilWaiting(1);
    });
    expect(await Promise.all(refused)).toMatchObject([{ code: 'fenced' }]);
    expect(await all(session.receipts())).toEqual([]);
  });

  test('opens under the fence that is there without waiting for commits', async () => {
    const run = newRun();
    const session = await open(run);
    const late: Promise<unknown>[] = [];
    await whileOpen(insertReceipt(run, '0'), 'ROLLBACK TO', async () => {
      late.push(session.commit(sampleChunks(2)));
      await untilWaiting(1);
      await openUnder(run, 1);
    });
    expect(await Promise.all(late)).toMatchObject([
      [{ isDuplicate: false }, { isDuplicate: false }],
    ]);
  });

  test('works again with the same session after the server was away', async () => {
    const run = newRun();
    const session = await open(run);
    const chunks = sampleChunks(30);
    await session.commit(chunks.slice(0, 10));
    await server.stop();
    // A connection that was idle may say first that it is lost.
    await session.commit(chunks).catch(() => undefined);
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
    const commitAll = async (halfWay: () => Promise<void>): Promise<number> => {
      let failures = 0;
      const batches = Array.from({ length: 40 }, (_, n) => chunks.slice(n * 50, n * 50 + 50));
      const lane = async (): Promise<void> => {
        for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
          if (batches.length === 20) await halfWay();
          await session.commit(batch).catch(() => failures++);
        }
      };
      await Promise.all([lane(), lane(), lane(), lane()]);
      return failures;
    };
    // The other lanes are in the middle of a commit; what this one has comes after it.
    expect(await commitAll(server.stop)).toBeGreaterThan(0);
    await server.restart();
    expect(await commitAll(() => Promise.resolve())).toBe(0);
    const stored = await all(session.read());
    expect(stored.map(({ chunk }) => chunk)).toEqual(chunks.map(({ receipt }) => receipt.chunk));
    expect(stored.every(({ records }) => records === 3)).toBe(true);
  });

  test('creates its tables once when several processes open at the same time', async () => {
    const options = { url: server.url, table: 'raced', schema: 'new "schema"' };
    const run = newRun();
    const chunks = sampleChunks(40);
    const inChild = { module: '@leat/connectors/postgres', name: 'postgres', options: [options] };
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
