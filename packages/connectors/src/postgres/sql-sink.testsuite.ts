import { all, chunkOf, contextOf, newRun, recordsOf } from '@leat/testing/contracts';
import type { Sink, SinkChunk, SinkSession } from '@leat/sdk';
import { SinkRejection } from '@leat/sdk';
import { afterEach, describe, expect, test } from 'vitest';
import { type ZodType, z } from 'zod';

/** A database that tests may use as they like. */
export interface SqlUnderTest {
  readonly sink: (table: string) => Sink;
  readonly query: (text: string) => Promise<unknown>;
}

let tables = 0;

const newTable = (): string => `table_${process.pid}_${tables++}`;
const rawChunk = (chunk: string, lines: readonly string[]): SinkChunk => ({
  ...chunkOf(chunk, lines),
  body: Buffer.from(lines.map((line) => `${line}\n`).join('')),
});
const rejectionOf = async (commit: Promise<unknown>): Promise<SinkRejection> => {
  const error: unknown = await commit.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SinkRejection) return error;
  throw error ?? new Error('nothing was rejected');
};

/** What every sink that stores columns must do besides. */
export function testSqlSink(name: string, setup: () => SqlUnderTest): void {
  describe(`${name} as a database`, () => {
    const sessions: SinkSession[] = [];
    const open = async (table: string, schema: ZodType, run = newRun()): Promise<SinkSession> => {
      const session = await setup().sink(table).open(contextOf(run, { schema }));
      sessions.push(session);
      return session;
    };

    afterEach(async () => {
      for (const session of sessions.splice(0)) await session.close();
    });

    test('makes no table for one who only reads', async () => {
      const table = newTable();
      const { fence: _, ...reading } = contextOf(newRun(), { schema: z.object({ n: z.int() }) });
      const session = await setup().sink(table).open(reading);
      sessions.push(session);
      expect(await all(session.read())).toEqual([]);
      await expect(setup().query(`SELECT 1 FROM ${table}`)).rejects.toThrow(/does not exist/);
    });

    test('gives every type back as it came', async () => {
      const schema = z.object({
        text: z.string(),
        number: z.number(),
        whole: z.int(),
        small: z.int32(),
        flag: z.boolean(),
        at: z.iso.datetime({ offset: true }),
        day: z.iso.date(),
        kind: z.enum(['a', 'b']),
        level: z.literal([1, 2]),
        nested: z.object({ list: z.array(z.number()) }),
        any: z.unknown(),
        either: z.union([z.string(), z.number()]),
        maybe: z.string().optional(),
        perhaps: z.number().nullable(),
        'it\'s "quoted" \\ ß': z.string().nullish(),
        coded: z.codec(z.iso.datetime(), z.date(), {
          decode: (text) => new Date(text),
          encode: (date) => date.toISOString(),
        }),
      });
      const full = {
        text: 'ä',
        number: 0.1,
        whole: Number.MAX_SAFE_INTEGER,
        small: -5,
        flag: false,
        at: '2026-02-28T23:59:59.123456Z',
        day: '2024-02-29',
        kind: 'b',
        level: 2,
        nested: { list: [1, 2.5, -3e-7] },
        any: [null, { deep: 'x' }],
        either: 7,
        maybe: '',
        perhaps: 1e300,
        'it\'s "quoted" \\ ß': '\\',
        coded: '2026-01-01T00:00:00Z',
      };
      const { maybe: _maybe, 'it\'s "quoted" \\ ß': _quoted, ...rest } = full;
      const sparse = { ...rest, any: null, either: 'text', perhaps: null, number: -1.5e-300 };
      const session = await open(newTable(), schema);
      await session.commit([chunkOf('0', [full, sparse])]);
      const [stored] = await all(session.read());
      expect(stored === undefined ? [] : recordsOf(stored)).toEqual([full, sparse]);
    });

    test('tells null from absent in jsonb, and takes one for the other elsewhere', async () => {
      const schema = z.object({
        any: z.any().optional(),
        list: z.array(z.string()).nullish(),
        'of "no" schema': z.unknown().optional(),
        text: z.string().nullish(),
      });
      const session = await open(newTable(), schema);
      const records = [
        { any: null, list: null, 'of "no" schema': null },
        { any: 'null', list: ['null'] },
        { list: null },
        { any: { none: null } },
        {},
      ];
      await session.commit([chunkOf('0', [...records, { any: null, text: null }])]);
      const [stored] = await all(session.read());
      expect(stored?.isAltered).toBe(false);
      expect(stored === undefined ? [] : recordsOf(stored)).toEqual([...records, { any: null }]);
    });

    test('makes the same columns of schemas that have an id', async () => {
      const Name = z.string().meta({ id: 'A name/with ~1 ~ and %' });
      const Count = z.int32().meta({ id: 'Count' });
      const schema = z
        .object({
          name: Name,
          other: Name.nullable(),
          count: Count.optional(),
          either: z.union([Name, Count]),
        })
        .meta({ id: 'Record' });
      const table = newTable();
      await setup().query(
        `CREATE TABLE ${table} (_run text, _chunk text, _index integer,
          name text, other text, count integer, either jsonb)`,
      );
      const session = await open(table, schema);
      const records = [
        { name: 'a', other: null, count: 1, either: 'x' },
        { name: 'b', other: 'c', either: 2 },
      ];
      await session.commit([chunkOf('0', records)]);
      const [stored] = await all(session.read());
      expect(stored === undefined ? [] : recordsOf(stored)).toEqual(records);
    });

    test('tells which chunk was altered behind its back', async () => {
      const schema = z.object({
        n: z.number(),
        at: z.iso.datetime(),
        maybe: z.string().optional(),
      });
      const table = newTable();
      const session = await open(table, schema);
      const record = { n: 0.1, at: '2026-01-01T00:00:00Z' };
      const lines = [record, { ...record, maybe: 'x' }];
      await session.commit([chunkOf('0', lines), chunkOf('1', lines), chunkOf('2', [])]);
      const altered = async (): Promise<string[]> =>
        (await all(session.read())).flatMap(({ chunk, isAltered }) => (isAltered ? [chunk] : []));
      expect(await altered()).toEqual([]);
      await setup().query(`UPDATE ${table} SET maybe = 'y' WHERE _chunk = '1' AND _index = 1`);
      expect(await altered()).toEqual(['1']);
      await setup().query(`UPDATE ${table} SET maybe = 'x' WHERE _chunk = '1' AND _index = 1`);
      expect(await altered()).toEqual([]);
    });

    test('takes numbers as JSON writes them and never rounds in silence', async () => {
      const schema = z.object({ whole: z.int(), number: z.number(), at: z.iso.datetime() });
      const at = '"2026-01-01T00:00:00Z"';
      const session = await open(newTable(), schema);
      await session.commit([
        rawChunk('0', [
          `{"whole":1.0,"number":1e2,"at":${at}}`,
          `{"whole":1e3,"number":-0.0,"at":"2026-01-01T00:00:00.1234560000Z"}`,
        ]),
      ]);
      const lines = [
        `{"whole":1.5,"number":1,"at":${at}}`,
        `{"whole":9223372036854775808,"number":1,"at":${at}}`,
        `{"whole":1,"number":1e400,"at":${at}}`,
        `{"whole":1,"number":1,"at":"2026-01-01T00:00:00.1234567Z"}`,
        `{"whole":1,"number":0.12345678901234567,"at":${at}}`,
        `{"whole":9007199254740993,"number":1,"at":${at}}`,
      ];
      const { rejected } = await rejectionOf(session.commit([rawChunk('1', lines)]));
      expect(rejected.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
      const [stored] = await all(session.read());
      expect(stored === undefined ? [] : recordsOf(stored)).toEqual([
        { whole: 1, number: 100, at: '2026-01-01T00:00:00Z' },
        { whole: 1000, number: -0, at: '2026-01-01T00:00:00.123456Z' },
      ]);
    });

    test('keeps numbers of any length where the schema says that they may have one', async () => {
      const schema = z.object({
        id: z.coerce.bigint(),
        price: z.number().multipleOf(0.01).nullable(),
        any: z.unknown(),
      });
      const lines = [
        '{"id":18446744073709551616,"price":123456789012345.67,"any":[9007199254740993]}',
        '{"id":-1,"price":0.100000000000000005551,"any":0.12345678901234567}',
        '{"id":7,"price":null,"any":1.10}',
      ];
      const session = await open(newTable(), schema);
      await session.commit([rawChunk('0', lines)]);
      const [stored] = await all(session.read());
      const read = Buffer.from(stored?.body ?? []).toString();
      expect(read.replaceAll(/ /g, '')).toBe(lines.map((line) => `${line}\n`).join(''));
    });

    test('names the records that it cannot take and commits nothing', async () => {
      const table = newTable();
      const schema = z.object({ id: z.int(), text: z.string(), more: z.unknown().optional() });
      const session = await open(table, schema);
      const good = Array.from({ length: 50 }, (_, id) => ({ id, text: 'fine' }));
      await session.commit([chunkOf('0', good)]);
      const chunks = [
        // Committed before: not tried again, whatever it holds.
        rawChunk('0', ['nonsense']),
        chunkOf('1', good.with(7, { id: 7, text: 'nul \0' }).with(49, { id: 49, text: '\0' })),
        chunkOf('2', good),
        rawChunk('3', [
          '{"id":1,"text":"a"}',
          '{"id":1,"text":"half"',
          '"rest":1}',
          '[]',
          '{"id":2}',
        ]),
        rawChunk('4', ['{"id":1,"text":"\\ud800"}', '{"id":1,"text":"a","more":"\\u0000"}']),
      ];
      const { rejected } = await rejectionOf(session.commit(chunks));
      expect(rejected.map(({ chunk, index }) => `${chunk}:${index}`)).toEqual([
        '1:7',
        '1:49',
        '3:1',
        '3:2',
        '3:3',
        '3:4',
        '4:0',
        '4:1',
      ]);
      for (const { reason } of rejected) expect(reason).not.toBe('');
      expect(await all(session.receipts())).toHaveLength(1);
      expect(await all(session.read())).toHaveLength(1);
      const mended = [chunkOf('1', good.slice(0, 7)), chunkOf('2', good)];
      expect(await session.commit(mended)).toMatchObject([
        { isDuplicate: false },
        { isDuplicate: false },
      ]);
    });

    test("names the records that break the table's own rules, the second of two alike", async () => {
      const table = newTable();
      await setup().query(
        `CREATE TABLE ${table} (_run text, _chunk text, _index integer, id bigint CHECK (id < 100),
          email varchar(10) UNIQUE, added timestamptz DEFAULT now())`,
      );
      const session = await open(table, z.object({ id: z.int(), email: z.string() }));
      const records = [
        { id: 1, email: 'a@b' },
        { id: 100, email: 'c@d' },
        { id: 2, email: 'a@b' },
        { id: 3, email: 'far too long' },
      ];
      const { rejected } = await rejectionOf(
        session.commit([chunkOf('0', records), chunkOf('1', [{ id: 4, email: 'a@b' }])]),
      );
      expect(rejected.map(({ chunk, index }) => `${chunk}:${index}`)).toEqual([
        '0:1',
        '0:2',
        '0:3',
        '1:0',
      ]);
    });

    test('uses a table that is there', async () => {
      const table = newTable();
      const schema = z.object({ id: z.int32(), price: z.number() });
      await setup().query(
        `CREATE TABLE ${table} (id numeric, price numeric, _run text, _chunk text, _index integer)`,
      );
      const session = await open(table, schema);
      await session.commit([rawChunk('0', ['{"id":1.0,"price":0.12345678901234567}'])]);
      const [stored] = await all(session.read());
      expect(Buffer.from(stored?.body ?? []).toString()).toContain('0.12345678901234567');
    });

    test.each([
      ['id text, "Name" text', '"id" of the table .* should be bigint, but the table has text'],
      ['id bigint', '"Name" of the table .* should be text, but the table has no such column'],
      ['id bigint, "Name" text, extra text NOT NULL', 'requires a value for the column "extra"'],
    ])('is unfit for a table of (%s)', async (columns, message) => {
      const table = newTable();
      await setup().query(
        `CREATE TABLE ${table} (_run text, _chunk text, _index integer, ${columns})`,
      );
      const opened = open(table, z.object({ id: z.int(), Name: z.string() }));
      await expect(opened).rejects.toMatchObject({ code: 'sink-unfit' });
      await expect(opened).rejects.toThrow(new RegExp(message));
    });

    test.each([
      ['no object', z.string()],
      ['no fields', z.object({})],
      ['unnamed fields', z.looseObject({ a: z.string() })],
      ['a key column', z.object({ _run: z.string() })],
      ['a name that is too long', z.object({ ['x'.repeat(64)]: z.string() })],
    ])('is unfit for a schema with %s', async (_what, schema) => {
      await expect(open(newTable(), schema)).rejects.toMatchObject({ code: 'sink-unfit' });
    });

    test('has room for many columns', async () => {
      const names = Array.from({ length: 130 }, (_, n) => `field${n}`);
      const schema = z.object(Object.fromEntries(names.map((n) => [n, z.string().optional()])));
      const session = await open(newTable(), schema);
      const records = [
        Object.fromEntries(names.map((n) => [n, n])),
        { field0: 'first' },
        { field129: 'last' },
        {},
      ];
      await session.commit([chunkOf('0', records)]);
      const [stored] = await all(session.read());
      expect(stored === undefined ? [] : recordsOf(stored)).toEqual(records);
    });

    test('creates its tables once when many open at the same time', async () => {
      const table = newTable();
      const schema = z.object({ id: z.int() });
      await Promise.all(Array.from({ length: 6 }, () => open(table, schema)));
      expect(sessions).toHaveLength(6);
    });

    test('shows records that have no receipt, and receipts that have no records', async () => {
      const table = newTable();
      const run = newRun();
      const session = await open(table, z.object({ id: z.int() }), run);
      await session.commit(['1', '3', '20'].map((id) => chunkOf(id, [{ id: 1 }])));
      await setup().query(`DELETE FROM ${table} WHERE _chunk = '3'`);
      await setup().query(
        `INSERT INTO ${table} (_run, _chunk, _index, id) VALUES ('${run}', '2', 0, 5), ('${run}', '100', 0, 5)`,
      );
      const stored = await all(session.read());
      expect(stored.map(({ chunk, records }) => [chunk, records])).toEqual([
        ['1', 1],
        ['2', 1],
        ['3', 0],
        ['20', 1],
        ['100', 1],
      ]);
    });

    test('lets two savers of one run fill one table', async () => {
      const [table, run] = [newTable(), newRun()];
      const schema = z.object({ id: z.int() });
      const first = await open(table, schema, run);
      const second = await setup()
        .sink(table)
        .open(contextOf(run, { schema, stage: 'second' }));
      sessions.push(second);
      await first.commit([chunkOf('0.0-2', [{ id: 1 }])]);
      await second.commit([chunkOf('0.1-2', [{ id: 2 }])]);
      expect((await all(first.receipts())).map(({ chunk }) => chunk)).toEqual(['0.0-2']);
      expect((await all(second.read())).map(({ chunk }) => chunk)).toEqual(['0.1-2']);
    });
  });
}
