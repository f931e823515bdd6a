import { LeatError } from '@leat/core';
import { all, chunkOf, newRun } from '@leat/testing/contracts';
import type { SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  failureOf,
  FaultyTables,
  KEYS,
  PLAIN,
  RECORDS,
  trigger,
} from '../support/faulty-tables.ts';

let site: FaultyTables;
beforeAll(async () => {
  site = await FaultyTables.start();
});
afterEach(() => site.closeSessions());
afterAll(() => site[Symbol.asyncDispose]());

describe('the table or the settings are at fault', () => {
  test.each([
    [
      'an identity that is always generated',
      `CREATE TABLE @ (${KEYS}, id bigint GENERATED ALWAYS AS IDENTITY, name text)`,
      /GENERATED ALWAYS|generated/,
    ],
    [
      'a generated column',
      `CREATE TABLE @ (${KEYS}, id bigint, name text GENERATED ALWAYS AS (_run) STORED)`,
      /"name"/,
    ],
    [
      'a rule',
      `${PLAIN} CREATE RULE nothing AS ON INSERT TO @ DO INSTEAD NOTHING`,
      /cannot perform INSERT RETURNING/,
    ],
    [
      'a view that takes nothing',
      `CREATE VIEW @ AS SELECT DISTINCT ''::text AS _run, ''::text AS _chunk, 0 AS _index, 1::bigint AS id, ''::text AS name`,
      /cannot insert into view/,
    ],
    [
      'no grant to insert',
      `CREATE TABLE @ (${KEYS}, id bigint, name text); GRANT SELECT ON @ TO app`,
      /permission denied for table/,
    ],
    [
      'a trigger that refuses every statement',
      `${PLAIN}${trigger(`RAISE 'closed' USING errcode = 'CL001';`, 'BEFORE INSERT', 'STATEMENT')}`,
      /closed \(SQLSTATE CL001\)/,
    ],
  ])('%s: the sink does not open', async (_what, script, sentence) => {
    const table = await site.tableOf(`${script};`);
    await site.sql(`GRANT SELECT ON ${table} TO app`);
    const error = await failureOf(site.open(table));
    expect(error).toMatchObject({ code: 'sink-unfit', message: expect.stringMatching(sentence) });
  });

  test('too many columns', async () => {
    const fields = Array.from({ length: 1700 }, (_, n) => [`f${n}`, z.string()]);
    const opened = site.open(site.newTable(), { schema: z.object(Object.fromEntries(fields)) });
    await expect(opened).rejects.toMatchObject({
      code: 'sink-unfit',
      message: expect.stringMatching(/1600 columns/),
    });
  });

  test('a permission that every record lacks', async () => {
    const table = await site.tableOf(
      `CREATE SEQUENCE @_s; CREATE TABLE @ (${KEYS}, id bigint, name text, more bigint DEFAULT nextval('@_s')); GRANT ALL ON @ TO app;`,
    );
    const session = await site.open(table);
    const commit = session.commit([chunkOf('0', RECORDS)]);
    await expect(commit).rejects.toMatchObject({
      code: 'sink-unfit',
      message: expect.stringMatching(/permission denied for sequence/),
    });
  });

  test.each([
    ['removes the table', 'DROP TABLE @', /does not exist/],
    ['takes a grant away', 'REVOKE INSERT ON @ FROM app', /permission denied/],
    ['removes a column', 'ALTER TABLE @ DROP COLUMN name', /"name"/],
    [
      'makes the column another',
      `ALTER TABLE @ ALTER COLUMN name TYPE integer USING 0`,
      /type integer/,
    ],
  ])('somebody %s in mid-run', async (_what, edit, sentence) => {
    const table = await site.tableOf(PLAIN);
    const session = await site.open(table);
    await session.commit([chunkOf('0', RECORDS)]);
    await site.sql(edit.replace('@', table));
    const commit = session.commit([chunkOf('1', RECORDS)]);
    await expect(commit).rejects.toMatchObject({
      code: 'sink-unfit',
      message: expect.stringMatching(sentence),
    });
  });

  test('a column that is made narrower in mid-run', async () => {
    const table = await site.tableOf(PLAIN);
    const session = await site.open(table);
    await session.commit([chunkOf('0', RECORDS)]);
    await site.sql(`ALTER TABLE ${table} ALTER COLUMN name TYPE varchar(3)`);
    const error = await failureOf(
      session.commit([
        chunkOf('1', [
          { id: 1, name: 'ab   ' },
          { id: 2, name: 'a' },
        ]),
      ]),
    );
    expect(error).toMatchObject({
      rejected: [{ index: 0, reason: expect.stringMatching(/stored another value/) }],
    });
  });
});

/** A session whose statements may take so long, on a table with a trigger. */
async function withTimeLimit(
  body: string,
  limitMs: number,
): Promise<AsyncDisposable & { readonly session: SinkSession }> {
  const table = await site.tableOf(`${PLAIN}${trigger(body)}`);
  const session = await site.open(table);
  const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`;
  await site.sql(`ALTER ROLE app SET statement_timeout = ${limitMs}`);
  await site.sql(end);
  // The first may only say that the connection was lost.
  await failureOf(session.commit([chunkOf('9', [])]));
  return {
    session,
    [Symbol.asyncDispose]: async () => {
      await site.sql('ALTER ROLE app RESET statement_timeout');
      await site.sql(end);
    },
  };
}

describe('a record that takes longer than the server allows', () => {
  test('is rejected after some attempts, and its neighbours are saved at once', async () => {
    await using slow = await withTimeLimit(
      `IF new.id = 7 AND new.name <> 'n7' THEN PERFORM pg_sleep(9); END IF; RETURN new;`,
      100,
    );
    const { session } = slow;
    const bad = chunkOf('1', [...RECORDS, { id: 7, name: 'slow' }, { id: 8, name: '' }]);
    const chunks = [chunkOf('0', RECORDS), bad, chunkOf('2', RECORDS)];
    for (let attempt = 1; attempt < 10; attempt++) {
      expect(await failureOf(session.commit(chunks))).toMatchObject({ code: '57014' });
    }
    expect((await all(session.read())).map(({ chunk }) => chunk)).toContain('0');
    expect(await failureOf(session.commit(chunks))).toMatchObject({
      rejected: [{ chunk: '1', index: 10, reason: expect.stringContaining('57014') }],
    });
    await session.commit([chunkOf('1', RECORDS), chunkOf('2', RECORDS)]);
  });
});

describe('a server that cannot do it now is waited for, and nothing is buried', () => {
  test.each([
    [
      'only reads',
      'ALTER ROLE app SET default_transaction_read_only = on',
      'ALTER ROLE app RESET default_transaction_read_only',
      '25006',
    ],
    [
      'has no connection left',
      'ALTER ROLE app CONNECTION LIMIT 0',
      'ALTER ROLE app CONNECTION LIMIT -1',
      '53300',
    ],
    [
      'is too slow for its own time limit',
      `ALTER ROLE app SET statement_timeout = 1`,
      'ALTER ROLE app RESET statement_timeout',
      '57014',
    ],
  ])('one that %s', async (_what, edit, undo, code) => {
    const run = newRun();
    const table = await site.tableOf(`${PLAIN}${trigger('PERFORM pg_sleep(0.002); RETURN new;')}`);
    const session = await site.open(table, { run });
    await session.commit([chunkOf('0', RECORDS)]);
    await site.sql(edit);
    await site.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`);
    const errors: unknown[] = [];
    // The first may only say that the connection was lost.
    for (let attempt = 0; attempt < 3; attempt++) {
      errors.push(await failureOf(session.commit([chunkOf('1', RECORDS)])));
    }
    await site.sql(undo);
    for (const error of errors) expect(error).not.toBeInstanceOf(LeatError);
    expect(errors.at(-1)).toMatchObject({ code });
    await site.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`);
    await failureOf(session.commit([chunkOf('1', RECORDS)]));
    await session.commit([chunkOf('1', RECORDS)]);
    expect(await all(session.read())).toHaveLength(2);
  });

  test('one that is too slow for all records of a chunk, however often', async () => {
    await using slow = await withTimeLimit('PERFORM pg_sleep(0.03); RETURN new;', 20);
    const chunks = [chunkOf('0', RECORDS.slice(0, 4))];
    for (let attempt = 0; attempt < 12; attempt++) {
      expect(await failureOf(slow.session.commit(chunks))).toMatchObject({ code: '57014' });
    }
  });

  test.each(['40001', '40P01'])('a trigger that asks to try again by %s', async (code) => {
    const table = await site.tableOf(
      `${PLAIN}${trigger(`IF new.id = 7 THEN RAISE 'again' USING errcode = '${code}'; END IF; RETURN new;`)}`,
    );
    const session = await site.open(table);
    const error = await failureOf(session.commit([chunkOf('0', RECORDS)]));
    expect(error).not.toBeInstanceOf(LeatError);
    expect(error).toMatchObject({ code });
  });
});
