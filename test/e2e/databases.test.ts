import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import { fixture, leat, spawnLeat } from '../support/leat.ts';
import { type TestPostgres, startPostgres } from '../support/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const FILE = fixture('into-table.ts');

let database: TestPostgres;
beforeAll(async () => {
  database = await startPostgres();
});
afterAll(() => database[Symbol.asyncDispose]());

async function sql(text: string): Promise<void> {
  const connection = await openPostgres({ connectionString: database.url }, 1, () => undefined);
  await connection.query(text);
  await connection.close();
}

test.each([
  [
    'raises a code of its own',
    `RAISE EXCEPTION 'id % is on the block list', new.id USING errcode = 'BL001'`,
    'on the block list',
  ],
  ['asserts', `ASSERT new.id <> 7, 'seven'`, 'seven (SQLSTATE P0004)'],
  ['returns nothing', 'RETURN NULL', 'the table did not store it'],
])(
  'a trigger that %s for one record: nine are saved, and it has a letter',
  async (_what, body, reason) => {
    await sql(`DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    CREATE TABLE people (_run text NOT NULL, _chunk text NOT NULL, _index integer NOT NULL, id bigint NOT NULL);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF new.id = 7 THEN ${body}; END IF; RETURN new; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION refuse()`);
    await using dir = await tempDir();
    const options = { cwd: dir.path, env: { DATABASE_URL: database.url } };
    const ended = await leat(['dev', FILE, '--report', 'report.json'], options);
    expect(ended).toMatchObject({ code: 3 });
    const report = JSON.parse(await readFile(join(dir.path, 'report.json'), 'utf8')) as RunReport;
    expect(report.records).toMatchObject({ in: 10, saved: 9, dead: 1 });
    const { stdout } = await leat(['dead', 'list', report.run, '--json'], options);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { name: 'RejectedBySink', message: expect.stringContaining(reason) },
    });
    expect(await leat(['verify', report.run, FILE], options)).toMatchObject({ code: 0 });
  },
);

test.each<[string, () => string | undefined, RegExp]>([
  [
    'a password with a slash',
    () => 'postgres://app:pa/ssw0rd@host/db',
    /DATABASE_URL is not valid: .*percent-encoded/,
  ],
  [
    'encryption that the server has not',
    () => `${database.url}?sslmode=require`,
    /does not support SSL/,
  ],
  ['no address', () => undefined, /Nothing says where the database of the sink is/],
])('%s ends leat dev with exit code 2 and a sentence', async (_what, url, sentence) => {
  await using dir = await tempDir();
  const given = url();
  const env = given === undefined ? {} : { DATABASE_URL: given };
  const { code, stderr } = await leat(['dev', FILE], { cwd: dir.path, env });
  expect({ code, stderr }).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^leat: \[sink-unfit\] /m),
  });
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toContain('ssw0rd');
});

test('a database that is lost in mid-run is a few lines, without the keys of its connections', async () => {
  await sql('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await using dir = await tempDir();
  const env = { DATABASE_URL: database.url };
  await using command = spawnLeat(['dev', FILE, '--param', 'count=200000'], { cwd: dir.path, env });
  await until('something is saved', async () => {
    const connection = await openPostgres({ connectionString: database.url }, 1, () => undefined);
    const rows = await connection.query('SELECT id::text FROM people LIMIT 1').catch(() => []);
    await connection.close();
    return rows.length > 0;
  });
  await database.stop();
  await until('it waits', () => command.stderr().includes('is not available, waiting'));
  command.kill('SIGINT');
  const { code, stderr } = await command.ended;
  await database.restart();
  expect(code).toBe(130);
  expect(stderr.split('\n').length).toBeLessThan(40);
  expect(stderr).not.toMatch(/secretKey|processID|_events|connectionParameters/);
});
