import { beforeAll, afterAll, expect, test } from 'vitest';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import { Deployment } from '../support/deployment.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const COUNT = 400;

let database: TestPostgres;
beforeAll(async () => {
  database = await startPostgres();
});
afterAll(() => database[Symbol.asyncDispose]());

/** What a table holds: how many rows, and the first and the last number in them. */
async function contentOf(table: string): Promise<readonly (string | null)[] | undefined> {
  const sql = await openPostgres({ connectionString: database.url }, 1, () => undefined);
  try {
    const rows = await sql.query(`SELECT count(*)::text, min(n)::text, max(n)::text FROM ${table}`);
    return rows[0];
  } finally {
    await sql.close();
  }
}

/** A deployment whose saver fills a table of the database. */
async function deploy(env: Readonly<Record<string, string>>): Promise<Deployment> {
  return Deployment.create('edited.ts', {
    env: { DATABASE_URL: database.url, EDIT_SAVERS: 'rows', ...env },
  });
}

function startAll(site: Deployment): void {
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.service(role);
}

test.each(['one after the other', 'at the same time'])(
  'two pipelines with one run id and a table each in one database are both saved, %s',
  async (how) => {
    const tables = how === 'at the same time' ? ['a1', 'a2'] : ['b1', 'b2'];
    await using site = await deploy({});
    for (const [nth, table] of tables.entries()) {
      const user = site.as({
        EDIT_NAME: `pipeline-${nth}`,
        EDIT_TABLE: table,
        EDIT_FIRST: `${nth * 1_000}`,
      });
      expect(await user.start({ count: COUNT }, 'daily')).toBe('daily');
      startAll(user);
      if (how === 'one after the other') await site.untilEnded();
    }
    await site.untilEnded();
    for (const [nth, table] of tables.entries()) {
      const [least, most] = [nth * 1_000, nth * 1_000 + COUNT - 1];
      expect(await contentOf(table)).toEqual([`${COUNT}`, `${least}`, `${most}`]);
    }
    for (const report of await site.reports()) {
      expect(report).toMatchObject({ state: 'completed', records: { saved: COUNT } });
    }
  },
);

test('a run id that the table has from another server fails the run, says so, and leaves the table alone', async () => {
  const env = { EDIT_TABLE: 'shared', EDIT_NAME: 'shared' };
  await using first = await deploy(env);
  await first.start({ count: COUNT }, 'daily');
  startAll(first);
  await first.untilEnded();

  await using second = await deploy({ ...env, EDIT_FIRST: '1000' });
  await second.start({ count: COUNT }, 'daily');
  const fetcher = second.service('fetcher');
  expect(await fetcher.ended).toMatchObject({ code: 1 });
  expect(await second.report('daily')).toMatchObject({
    state: 'failed',
    reason: expect.stringMatching(
      /^The sink of the saver rows has another run daily of this pipeline, .* --recover\.$/,
    ),
  });
  expect(await contentOf('shared')).toEqual([`${COUNT}`, '0', `${COUNT - 1}`]);
});

test('of two pipelines with one run id and one table that start at the same time, one fails and says why', async () => {
  await using site = await deploy({ EDIT_TABLE: 'raced' });
  const users = ['first', 'second'].map((name, nth) =>
    site.as({ EDIT_NAME: name, EDIT_SAVERS: name, EDIT_FIRST: `${nth * 1_000}` }),
  );
  for (const user of users) await user.start({ count: COUNT, delayMs: 5 }, 'daily');
  const fetchers = users.map((user) => user.service('fetcher'));
  for (const user of users) user.replica('mapper');
  for (const user of users) user.replica('saver');
  const codes = await Promise.all(fetchers.map(async ({ ended }) => (await ended).code ?? -1));
  expect(codes.toSorted((a, b) => a - b)).toEqual([0, 1]);
  const reports = await site.reports();
  const [winner, loser] = codes[0] === 0 ? reports : reports.toReversed();
  expect(winner).toMatchObject({ state: 'completed', records: { saved: COUNT } });
  expect(loser).toMatchObject({ state: 'failed', records: { saved: 0 } });
  expect(loser?.reason).toContain(`of the pipeline ${winner?.pipeline}`);
  const first = winner?.pipeline === 'first' ? 0 : 1_000;
  expect(await contentOf('raced')).toEqual([`${COUNT}`, `${first}`, `${first + COUNT - 1}`]);
});

test('two pipelines with one run id and one table do not mix', async () => {
  await using site = await deploy({ EDIT_TABLE: 'mixed' });
  const [one, other] = [
    site.as({ EDIT_NAME: 'one' }),
    site.as({ EDIT_NAME: 'other', EDIT_SAVERS: 'others', EDIT_FIRST: '1000' }),
  ];
  await one.start({ count: COUNT }, 'daily');
  startAll(one);
  await site.untilEnded();
  await other.start({ count: COUNT }, 'daily');
  expect(await other.service('fetcher').ended).toMatchObject({ code: 1 });
  const reports = await site.reports();
  expect(reports.map(({ pipeline, state }) => [pipeline, state])).toEqual([
    ['one', 'completed'],
    ['other', 'failed'],
  ]);
  expect(reports[1]?.reason).toContain('of the pipeline one, and this is one of other');
  expect(await contentOf('mixed')).toEqual([`${COUNT}`, '0', `${COUNT - 1}`]);
});
