import { randomUUID } from 'node:crypto';
import { all, chunkOf, newRun } from '@leat/testing/contracts';
import { SinkRejection, type SinkSession } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ZodType, z } from 'zod';
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

interface Member {
  readonly what: string;
  readonly script: string;
  readonly records?: readonly unknown[];
  readonly schema?: ZodType;
  readonly bad: readonly number[];
  readonly reason: RegExp;
}

const RECORDS_AT_FAULT: readonly Member[] = [
  {
    what: "a trigger's own code",
    script: `${PLAIN}${trigger(`IF new.id = 7 THEN RAISE EXCEPTION 'id % is on the block list', new.id USING errcode = 'BL001', detail = 'since May'; END IF; RETURN new;`)}`,
    bad: [7],
    reason: /^id 7 is on the block list: since May \(SQLSTATE BL001\)$/,
  },
  {
    what: 'assert',
    script: `${PLAIN}${trigger(`ASSERT new.id <> 7, 'seven'; RETURN new;`)}`,
    bad: [7],
    reason: /^seven \(SQLSTATE P0004\)$/,
  },
  {
    what: 'a trigger that raises what a busy server says',
    script: `${PLAIN}${trigger(`IF new.id = 7 THEN RAISE 'quota' USING errcode = '53400'; END IF; RETURN new;`)}`,
    bad: [7],
    reason: /^quota \(SQLSTATE 53400\)$/,
  },
  {
    what: 'a trigger that divides by zero',
    script: `${PLAIN}${trigger('new.id := new.id * (7 - new.id) / (7 - new.id); RETURN new;')}`,
    bad: [7],
    reason: /division by zero/,
  },
  {
    what: 'a trigger with a name that is not there, for some',
    script: `${PLAIN}${trigger(`IF new.id = 7 THEN PERFORM no_such_function(); END IF; RETURN new;`)}`,
    bad: [7],
    reason: /no_such_function\(\) does not exist/,
  },
  {
    what: 'row-level security',
    script: `${PLAIN} ALTER TABLE @ ENABLE ROW LEVEL SECURITY; CREATE POLICY most ON @ USING (true) WITH CHECK (id <> 7);`,
    bad: [7],
    reason: /row-level security policy .*SQLSTATE 42501/,
  },
  {
    what: 'a deferred constraint',
    script: `CREATE TABLE @ (${KEYS}, id bigint, name text CONSTRAINT one_name UNIQUE DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON @ TO app;`,
    records: [
      { id: 0, name: 'a' },
      { id: 1, name: 'b' },
      { id: 2, name: 'a' },
    ],
    bad: [2],
    reason: /Key \(name\)=\(a\) already exists\. \(constraint one_name, SQLSTATE 23505\)$/,
  },
  {
    what: 'a deferred reference, and records that come before what they refer to',
    script: `CREATE TABLE @ (${KEYS}, id bigint UNIQUE, parent bigint REFERENCES @ (id) DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON @ TO app;`,
    schema: z.object({ id: z.int(), parent: z.int() }),
    records: [
      [0, 5],
      [1, 1],
      [2, 99],
      [3, 4],
      [4, 0],
      [5, 5],
    ].map(([id, parent]) => ({ id, parent })),
    bad: [2],
    reason: /Key \(parent\)=\(99\) is not present .*SQLSTATE 23503/,
  },
  {
    what: 'a partition that is not there',
    script: `CREATE TABLE @ (${KEYS}, id bigint, name text) PARTITION BY RANGE (id); CREATE TABLE @_p PARTITION OF @ FOR VALUES FROM (0) TO (8); GRANT ALL ON @ TO app;`,
    bad: [8, 9],
    reason: /no partition of relation/,
  },
  {
    what: 'an index entry that is too large',
    script: `${PLAIN} CREATE INDEX ON @ (name);`,
    records: [
      { id: 0, name: 'a' },
      { id: 1, name: Array.from({ length: 300 }, () => randomUUID()).join('') },
    ],
    bad: [1],
    reason: /SQLSTATE 54000/,
  },
  {
    what: 'a column that is required',
    script: `CREATE TABLE @ (${KEYS}, id bigint, name text NOT NULL); GRANT ALL ON @ TO app;`,
    schema: z.object({ id: z.int(), name: z.string().nullable() }),
    records: [
      { id: 0, name: null },
      { id: 1, name: 'b' },
    ],
    bad: [0],
    reason: /Failing row contains .*\(column name, SQLSTATE 23502\)$/,
  },
  {
    what: 'a statement that is refused as a whole, of a chunk whose lines are not',
    script: `${PLAIN}${trigger(`IF (SELECT count(*) FROM new_rows) BETWEEN 4 AND 9 THEN RAISE 'too many at once'; END IF; RETURN NULL;`, 'AFTER INSERT', 'STATEMENT').replace('FOR EACH', 'REFERENCING NEW TABLE AS new_rows FOR EACH')}`,
    records: RECORDS.slice(0, 5),
    bad: [0, 1, 2, 3, 4],
    reason: /too many at once/,
  },
  {
    what: 'a trigger that returns nothing',
    script: `${PLAIN}${trigger('IF new.id = 7 THEN RETURN NULL; END IF; RETURN new;')}`,
    bad: [7],
    reason: /^the table did not store it: a trigger left it out$/,
  },
  {
    what: 'a trigger that changes a value',
    script: `${PLAIN}${trigger(`IF new.id = 7 THEN new.name := upper(new.name); END IF; RETURN new;`)}`,
    bad: [7],
    reason: /^the table stored another value: name is "N7" and was "n7"$/,
  },
  {
    what: 'a trigger that changes where the record is from',
    script: `${PLAIN}${trigger(`IF new.id = 7 THEN new._chunk := '9'; END IF; RETURN new;`)}`,
    bad: [7],
    reason: /the table did not store it/,
  },
  {
    what: 'a column that cuts blanks',
    script: `CREATE TABLE @ (${KEYS}, id bigint, name varchar(5)); GRANT ALL ON @ TO app;`,
    records: [
      { id: 0, name: 'abcde' },
      { id: 1, name: 'abc       ' },
      { id: 2, name: 'ab  ' },
      { id: 3, name: 'abcdef' },
    ],
    bad: [1, 3],
    reason: /name is "abc  " and was "abc {7}"|too long for type/,
  },
  {
    what: 'a view that stores something else',
    script: `CREATE TABLE @_t (${KEYS}, id bigint, name text); CREATE VIEW @ AS SELECT * FROM @_t; GRANT ALL ON @, @_t TO app;
      ${trigger(`new.name := left(new.name, 1); INSERT INTO @_t SELECT new.*; RETURN new;`, 'INSTEAD OF INSERT')}`,
    records: [
      { id: 0, name: 'a' },
      { id: 1, name: 'bc' },
    ],
    bad: [1],
    reason: /name is "b" and was "bc"/,
  },
  {
    what: 'a trigger that changes a value after the row is inserted',
    script: `${PLAIN}${trigger(`IF new.id = 7 THEN UPDATE @ SET name = upper(name) WHERE id = 7; END IF; RETURN NULL;`, 'AFTER INSERT')}`,
    bad: [7],
    reason: /^the table stored another value: name is "N7" and was "n7"$/,
  },
  {
    what: 'a trigger that removes a row after it is inserted',
    script: `${PLAIN}${trigger(`DELETE FROM @ WHERE id = 7; RETURN NULL;`, 'AFTER INSERT', 'STATEMENT')}`,
    bad: [7],
    reason: /^the table did not store it: a trigger left it out$/,
  },
  {
    what: 'a trigger that waits for the end of the transaction',
    script: `${PLAIN}${trigger(`UPDATE @ SET id = -id WHERE id = 7; RETURN NULL;`, 'AFTER INSERT')
      .replace('CREATE TRIGGER', 'CREATE CONSTRAINT TRIGGER')
      .replace('FOR EACH', 'DEFERRABLE INITIALLY DEFERRED FOR EACH')}`,
    bad: [7],
    reason: /^the table stored another value: id is -7 and was 7$/,
  },
  {
    what: 'a trigger of a partition alone',
    script: `CREATE TABLE @ (${KEYS}, id bigint, name text) PARTITION BY RANGE (id);
      CREATE TABLE @_p PARTITION OF @ FOR VALUES FROM (0) TO (7); CREATE TABLE @_q PARTITION OF @ FOR VALUES FROM (7) TO (99); GRANT ALL ON @ TO app;
      ${trigger(`UPDATE @ SET name = '' WHERE id = 8; RETURN NULL;`, 'AFTER INSERT').replace('ON @ ', 'ON @_q ')}`,
    bad: [8],
    reason: /^the table stored another value: name is "" and was "n8"$/,
  },
  {
    what: 'a view that does not say what it stores',
    script: `CREATE TABLE @_t (${KEYS}, id bigint, name text); CREATE VIEW @ AS SELECT * FROM @_t; GRANT ALL ON @, @_t TO app;
      ${trigger(`INSERT INTO @_t SELECT (new).*; UPDATE @_t SET name = 'x' WHERE id = 3; RETURN new;`, 'INSTEAD OF INSERT')}`,
    bad: [3],
    reason: /name is "x" and was "n3"/,
  },
];

/** Commits records, and gives what is read of them, if it is sound. */
async function keptOf(session: SinkSession, records: readonly unknown[]): Promise<unknown> {
  await session.commit([chunkOf('0', records)]);
  const [stored] = await all(session.read());
  if (stored === undefined || stored.isAltered === true) return stored;
  const lines = Buffer.from(stored.body).toString().trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

describe('a record is at fault', () => {
  test.each(RECORDS_AT_FAULT)(
    '$what',
    async ({ script, schema, records = RECORDS, bad, reason }) => {
      const session = await site.open(
        await site.tableOf(script),
        schema === undefined ? {} : { schema },
      );
      const error = await failureOf(session.commit([chunkOf('0', records)]));
      if (!(error instanceof SinkRejection)) throw error;
      expect(error.rejected.map(({ index }) => index)).toEqual(bad);
      for (const rejected of error.rejected) expect(rejected.reason).toMatch(reason);
      expect(await all(session.read())).toEqual([]);
      const good = records.filter((_, index) => !bad.includes(index));
      expect(await session.commit([chunkOf('0', good)])).toMatchObject([{ isDuplicate: false }]);
      const stored = await all(session.read());
      expect(stored.reduce((sum, each) => sum + each.records, 0)).toBe(good.length);
    },
  );

  test('whom a trigger changes that was made in mid-run, and no other', async () => {
    const table = await site.tableOf(PLAIN);
    const session = await site.open(table);
    await session.commit([chunkOf('0', RECORDS)]);
    const change = `IF new.id = 7 THEN UPDATE @ SET name = 'x' WHERE id = 7 AND _chunk = '1'; END IF; RETURN NULL;`;
    await site.sql(trigger(change, 'AFTER INSERT').replaceAll('@', table));
    const error = await failureOf(session.commit([chunkOf('0', RECORDS), chunkOf('1', RECORDS)]));
    expect(error).toMatchObject({ rejected: [{ chunk: '1', index: 7 }] });
  });

  test('no record whose trigger writes elsewhere, and none that is there again', async () => {
    const table = await site.tableOf(
      `${PLAIN} ALTER TABLE @ ADD seen boolean; CREATE TABLE @_log (id bigint); GRANT ALL ON @_log TO app;
      ${trigger(`INSERT INTO @_log VALUES (new.id); UPDATE @ SET seen = true WHERE id = new.id; RETURN NULL;`, 'AFTER INSERT')}`,
    );
    const run = newRun();
    const session = await site.open(table, { run });
    const chunks = ['0', '1'].map((id) => chunkOf(id, RECORDS));
    const committed = await session.commit(chunks);
    expect(committed.map(({ isDuplicate }) => isDuplicate)).toEqual([false, false]);
    // What has changed since is not the fault of those that come again.
    await site.sql(`UPDATE ${table} SET name = '' WHERE _chunk = '0'`);
    const again = await site.open(table, { run });
    const both = await again.commit([...chunks, chunkOf('2', RECORDS)]);
    expect(both.map(({ isDuplicate }) => isDuplicate)).toEqual([true, true, false]);
    expect(await all(again.read())).toMatchObject([
      { isAltered: true },
      { isAltered: false },
      { isAltered: false },
    ]);
  });

  test('that is double precision with more digits than it holds; numeric keeps them', async () => {
    const schema = z.object({ n: z.number() });
    const texts = [
      '0.1',
      '1e-7',
      '0.30000000000000004',
      '1.7976931348623157e308',
      '5e-324',
      '-3.5',
      '1.00000000000000000000',
      '-0',
      '123456789012345',
    ];
    const more = [
      '0.12345678901234567890',
      '9007199254740993',
      '1.23456e-320',
      '3.333333333333333333',
    ];
    const chunk = (lines: readonly string[]): ReturnType<typeof chunkOf> => ({
      ...chunkOf('0', lines),
      body: Buffer.from(lines.map((text) => `{"n":${text}}\n`).join('')),
    });
    const session = await site.open(site.newTable(), { schema });
    const error = await failureOf(session.commit([chunk([...texts, ...more])]));
    if (!(error instanceof SinkRejection)) throw error;
    expect(error.rejected.map(({ index }) => index)).toEqual(
      more.map((_, at) => at + texts.length),
    );
    expect(error.rejected[0]?.reason).toContain(
      'n has more digits than double precision: 0.1234567890',
    );
    expect(await session.commit([chunk(texts)])).toMatchObject([{ isDuplicate: false }]);
    const exact = await site.tableOf(`CREATE TABLE @ (${KEYS}, n numeric); GRANT ALL ON @ TO app;`);
    const kept = await site.open(exact, { schema });
    expect(await kept.commit([chunk([...texts, ...more])])).toMatchObject([{ isDuplicate: false }]);
    const [stored] = await all(kept.read());
    for (const text of more.slice(0, 2))
      expect(Buffer.from(stored?.body ?? []).toString()).toContain(text);
  });

  const KINDS: readonly (readonly [what: string, schema: ZodType, value: unknown])[] = [
    ['text', z.string(), 'Lund'],
    ['an empty text', z.string(), ''],
    ['a literal', z.literal('a'), 'a'],
    ['an enum', z.enum(['a', 'b']), 'b'],
    ['double precision', z.number(), 0.5],
    ['integer', z.int32(), -7],
    ['bigint', z.int(), 2 ** 53 - 1],
    ['boolean', z.boolean(), false],
    ['a time', z.iso.datetime(), '2026-01-02T03:04:05Z'],
    ['a day', z.iso.date(), '2026-01-02'],
    ['a list', z.array(z.string()), []],
    ['an object', z.object({ a: z.int().nullable() }), { a: null }],
    ['a union', z.union([z.string(), z.int()]), 3],
  ];
  test.each(KINDS)('not %s that is absent, or null, or there', async (what, field, value) => {
    const fields = {
      optional: field.optional(),
      nullable: field.nullable(),
      both: field.nullish(),
    };
    const session = await site.open(site.newTable(), { schema: z.object(fields) });
    // A column that is not jsonb has one NULL: it stands for a field that is absent, where it may be.
    const both = ['a list', 'an object', 'a union'].includes(what) ? { both: null } : {};
    const records = [
      { nullable: null },
      { nullable: null, ...both },
      { optional: value, nullable: value, both: value },
      { nullable: value, both: value },
    ];
    expect(await keptOf(session, records)).toEqual(records);
  });

  test('no double whose role shows fewer digits than it has', async () => {
    await site.sql('ALTER ROLE app SET extra_float_digits = -10');
    try {
      const session = await site.open(site.newTable(), { schema: z.object({ n: z.number() }) });
      const records = [0.1, 0.30000000000000004, Number.MAX_VALUE, Number.MIN_VALUE, 1 / 3].map(
        (n) => ({ n }),
      );
      expect(await keptOf(session, records)).toEqual(records);
    } finally {
      await site.sql('ALTER ROLE app RESET extra_float_digits');
    }
  });

  test('chunks that are refused together are committed apart', async () => {
    const limit = trigger(
      `IF (SELECT count(*) FROM new_rows) > 10 THEN RAISE 'too many at once'; END IF; RETURN NULL;`,
      'AFTER INSERT',
      'STATEMENT',
    );
    const script = PLAIN + limit.replace('FOR EACH', 'REFERENCING NEW TABLE AS new_rows FOR EACH');
    const session = await site.open(await site.tableOf(script));
    const chunks = ['0', '1', '2', '3', '4'].map((id) => chunkOf(id, RECORDS));
    expect((await session.commit(chunks)).map(({ isDuplicate }) => isDuplicate)).toEqual(
      Array(5).fill(false),
    );
    expect(await all(session.read())).toHaveLength(5);
  });
});

describe('a database with another encoding than UTF-8', () => {
  test('keeps what it can, rejects the rest, and finds its rows sound', async () => {
    await site.sql(`CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'`);
    const url = site.server.url.replace('/postgres', '/latin');
    const session = await site.open('people', { url });
    const names = ['ä', 'plain', '5 €', 'ÿ', '漢'];
    const records = names.map((name, id) => ({ id, name }));
    const error = await failureOf(session.commit([chunkOf('0', records)]));
    if (!(error instanceof SinkRejection)) throw error;
    expect(error.rejected.map(({ index }) => index)).toEqual([2, 4]);
    const good = records.filter(({ id }) => id !== 2 && id !== 4);
    await session.commit([chunkOf('0', good)]);
    const stored = await all(session.read());
    expect(stored).toMatchObject([{ records: 3, isAltered: false }]);
    expect(Buffer.from(stored[0]?.body ?? []).toString()).toBe(
      good.map((record) => `${JSON.stringify(record)}\n`).join(''),
    );
  });
});
