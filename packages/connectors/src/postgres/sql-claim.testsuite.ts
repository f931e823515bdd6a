import {
  all,
  chunkOf,
  contextOf,
  identityFor,
  newRun,
  sampleChunks,
} from '@leat/testing/contracts';
import { createHash } from 'node:crypto';
import { FORMATS, type RunIdentity, savedRecords } from '@leat/core';
import type { Sink, SinkChunk, SinkContext, SinkSession } from '@leat/sdk';
import { afterEach, describe, expect, test } from 'vitest';

/** A database that tests may use as they like. */
export interface SqlClaimUnderTest {
  readonly sink: (table: string, schema: string) => Sink;
  readonly query: (text: string) => Promise<unknown>;
}

let schemas = 0;

const newSchema = (): string => `schema_${process.pid}_${schemas++}`;
const chunksOf = (...ids: string[]): SinkChunk[] =>
  ids.map((id) => chunkOf(id, [{ id: 1, text: id }]));
const idsOf = async (session: SinkSession): Promise<string[]> =>
  (await all(session.receipts())).map(({ chunk }) => chunk);

/** How runs with one id get on with each other in the tables that all SQL sinks of a schema share. */
export function testSqlClaim(name: string, setup: () => SqlClaimUnderTest): void {
  const sessions: SinkSession[] = [];
  const open = async (
    schema: string,
    run: string,
    {
      table = 'people',
      identity = {},
      ...overrides
    }: { readonly table?: string; readonly identity?: Partial<RunIdentity> } & Partial<
      Omit<SinkContext, 'identity'>
    > = {},
  ): Promise<SinkSession> => {
    const context = contextOf(run, { identity: identityFor(run, identity), ...overrides });
    const session = await setup().sink(table, schema).open(context);
    sessions.push(session);
    return session;
  };

  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close();
  });

  describe(`${name} with a run id that is there twice`, () => {
    test('keeps the tables of a schema apart, whatever runs and savers are called', async () => {
      const [schema, run] = [newSchema(), newRun()];
      const other = { table: 'more', identity: { pipeline: 'other', born: '00000000000b2' } };
      const one = await open(schema, run, { fence: 7 });
      const two = await open(schema, run, { ...other, fence: 1 });
      await one.commit(chunksOf('0', '1'));
      expect(await two.commit(chunksOf('1', '2'))).toMatchObject([
        { isDuplicate: false },
        { isDuplicate: false },
      ]);
      expect([await idsOf(one), await idsOf(two)]).toEqual([
        ['0', '1'],
        ['1', '2'],
      ]);
      const stored = await all(two.read());
      expect(stored.map(({ chunk, isAltered }) => [chunk, isAltered])).toEqual([
        ['1', false],
        ['2', false],
      ]);
      expect(one.identity?.mark).not.toBe(two.identity?.mark);
    });

    test('refuses the run of another pipeline in one table, also under another saver', async () => {
      const [schema, run] = [newSchema(), newRun()];
      const other = { pipeline: 'other', born: '00000000000b2' };
      await (await open(schema, run)).commit(sampleChunks(1));
      for (const stage of ['saver', 'second']) {
        const opened = open(schema, run, { identity: other, stage });
        await expect(opened).rejects.toMatchObject({ code: 'sink-taken' });
        await expect(opened).rejects.toThrow('of the pipeline test');
      }
      // A second saver of the run itself is welcome.
      const second = await open(schema, run, { stage: 'second' });
      expect(await second.commit(chunksOf('7'))).toMatchObject([{ isDuplicate: false }]);
    });

    test('lets a recovered run go on with all its savers, one after the other', async () => {
      const [schema, run] = [newSchema(), newRun()];
      await (await open(schema, run)).commit(chunksOf('0.0-2'));
      await (await open(schema, run, { stage: 'second' })).commit(chunksOf('0.1-2'));
      const born = { identity: { born: '00000000000b2' }, isRecovered: true };
      const first = await open(schema, run, born);
      expect(await idsOf(first)).toEqual(['0.0-2']);
      expect(await idsOf(await open(schema, run, { ...born, stage: 'second' }))).toEqual(['0.1-2']);
      expect(await first.commit(chunksOf('0.0-2'))).toMatchObject([{ isDuplicate: true }]);
      await expect(open(schema, run)).rejects.toMatchObject({ code: 'sink-taken' });
    });
  });

  describe(`${name} with tables that say their version`, () => {
    const comment = (schema: string, text: string): Promise<unknown> =>
      setup().query(`COMMENT ON TABLE ${schema}.leat_receipts IS '${text}'`);

    test('are refused if it is newer, and stay as they are', async () => {
      const [schema, run] = [newSchema(), newRun()];
      await (await open(schema, run)).commit(sampleChunks(1));
      await comment(schema, `leat format ${FORMATS.tables + 1}`);
      for (const each of [run, newRun()]) {
        const opened = open(schema, each);
        await expect(opened).rejects.toMatchObject({ code: 'newer-version' });
        await expect(opened).rejects.toThrow('"leat_receipts", with all that Leat keeps beside it');
      }
      await comment(schema, `leat format ${FORMATS.tables}`);
      expect(await idsOf(await open(schema, run))).toEqual(['0']);
    });

    test.each(['receipts, see the handbook', ''])('are used with the comment %j', async (text) => {
      const [schema, run] = [newSchema(), newRun()];
      await (await open(schema, run)).commit(sampleChunks(1));
      await comment(schema, text);
      expect(await idsOf(await open(schema, run))).toEqual(['0']);
    });

    test('are refused if their claim is newer, and stay as they are', async () => {
      const [schema, run] = [newSchema(), newRun()];
      const session = await open(schema, run);
      await session.commit(sampleChunks(1));
      const { query } = setup();
      await query(`UPDATE ${schema}.leat_fences SET claim = '{"v":${FORMATS.claim + 1}}'`);
      await expect(open(schema, run)).rejects.toMatchObject({ code: 'newer-version' });
      // Who has it open already can commit no more, either.
      const commit = session.commit(sampleChunks(1, 1));
      await expect(commit).rejects.toMatchObject({ code: 'newer-version' });
    });
  });

  describe(`${name} with the tables of an earlier version`, () => {
    const legacy = { identity: { born: '' } };

    /** What the version before birth marks and claims had made, with these chunks in these tables. */
    const earlier = async (
      run: string,
      held: Readonly<Record<string, readonly SinkChunk[]>>,
      saver = 'saver',
      changes: readonly string[] = [],
    ): Promise<string> => {
      const schema = newSchema();
      const { query } = setup();
      await query(`CREATE SCHEMA ${schema}`);
      for (const statement of EARLIER_TABLES) await query(statement.replaceAll('$', schema));
      await query(`INSERT INTO ${schema}.leat_fences VALUES ('${run}', '${saver}', 5)`);
      for (const [table, chunks] of Object.entries(held)) {
        await query(`CREATE TABLE ${schema}.${table} (
          _run text NOT NULL, _chunk text NOT NULL, _index integer NOT NULL,
          "id" bigint NOT NULL, "text" text NOT NULL, PRIMARY KEY (_run, _chunk, _index))`);
        for (const chunk of chunks) {
          for (const statement of earlierRows(schema, table, run, saver, chunk)) {
            await query(statement);
          }
        }
      }
      for (const change of changes) await query(change.replaceAll('$', schema));
      return schema;
    };

    test('also of the first one, which kept no fences and no checksums', async () => {
      const run = newRun();
      const first = [
        'ALTER TABLE $.leat_receipts DROP COLUMN fence, DROP COLUMN buried',
        'DROP TABLE $.leat_fences',
        'DROP TABLE $.leat_checksums',
      ];
      const chunks = sampleChunks(2);
      const schema = await earlier(run, { people: chunks }, 'saver', first);
      const session = await open(schema, run, legacy);
      const expected = chunks.map(({ receipt }) => ({ ...receipt, fence: 0 }));
      expect(await all(session.receipts())).toEqual(expected);
      expect(await session.commit(sampleChunks(3))).toMatchObject([
        { receipt: expected[0], isDuplicate: true },
        { receipt: expected[1], isDuplicate: true },
        { isDuplicate: false },
      ]);
      expect(await idsOf(await open(schema, run, legacy))).toEqual(['0', '1', '2']);
    });

    test('finds what a run of that time has saved, and goes on', async () => {
      const run = newRun();
      const chunks = [...sampleChunks(3), chunkOf('3', [], { in: 4, filtered: 4 })];
      const schema = await earlier(run, { people: chunks });
      const session = await open(schema, run, { ...legacy, fence: 5 });
      expect(await all(session.receipts())).toEqual(chunks.map(({ receipt }) => receipt));
      const stored = await all(session.read());
      expect(stored.map(({ chunk, isAltered }) => [chunk, isAltered])).toEqual([
        ['0', false],
        ['1', false],
        ['2', false],
        ['3', false],
      ]);
      const more = sampleChunks(1, 10).map(({ receipt, body }) => ({
        receipt: { ...receipt, source: '00c0ffee' },
        body,
      }));
      expect(await session.commit([...chunks, ...more])).toEqual([
        ...chunks.map(({ receipt }) => ({ receipt, isDuplicate: true })),
        { receipt: more[0]?.receipt, isDuplicate: false },
      ]);
      // Who comes later finds the same, and the same sink.
      const again = await open(schema, run, { ...legacy, fence: 6 });
      expect(again.identity).toEqual(session.identity);
      expect(await idsOf(again)).toEqual(['0', '1', '2', '3', '10']);
    });

    test('refuses a new run with the id, and keeps what is there', async () => {
      const run = newRun();
      const schema = await earlier(run, { people: sampleChunks(2) });
      for (const fence of [1, 9]) {
        const opened = open(schema, run, { fence });
        await expect(opened).rejects.toMatchObject({ code: 'sink-taken' });
        await expect(opened).rejects.toThrow(/earlier version of Leat wrote it.* --recover/);
      }
      expect(await idsOf(await open(schema, run, { ...legacy, fence: 5 }))).toEqual(['0', '1']);
      // Other runs are welcome.
      const other = await open(schema, newRun());
      expect(await other.commit(sampleChunks(1))).toMatchObject([{ isDuplicate: false }]);
    });

    test('refuses a new run with the id also under another saver', async () => {
      const run = newRun();
      const schema = await earlier(run, { people: sampleChunks(1) });
      const opened = open(schema, run, { stage: 'second' });
      await expect(opened).rejects.toMatchObject({ code: 'sink-taken' });
      // The run of that time may have had a second saver; and its table may be used by others.
      expect(await idsOf(await open(schema, run, { ...legacy, stage: 'second' }))).toEqual([]);
      await open(schema, run, { table: 'elsewhere', stage: 'second' });
    });

    test('lets a recovered run go on, and from then on nobody else', async () => {
      const run = newRun();
      const schema = await earlier(run, { people: sampleChunks(2) });
      const session = await open(schema, run, { isRecovered: true, fence: 6 });
      expect(await idsOf(session)).toEqual(['0', '1']);
      expect(await session.commit(sampleChunks(3))).toMatchObject([
        { isDuplicate: true },
        { isDuplicate: true },
        { isDuplicate: false },
      ]);
      await expect(open(schema, run, legacy)).rejects.toMatchObject({ code: 'sink-taken' });
      expect(await idsOf(await open(schema, run, { fence: 6 }))).toEqual(['0', '1', '2']);
    });

    test('gives each table the receipts whose records it has', async () => {
      const run = newRun();
      const schema = await earlier(run, {
        people: sampleChunks(2),
        places: sampleChunks(3, 2),
      });
      const people = await open(schema, run, { ...legacy, fence: 5 });
      expect(await idsOf(people)).toEqual(['0', '1']);
      const places = await open(schema, run, { ...legacy, table: 'places', fence: 5 });
      expect(await idsOf(places)).toEqual(['2', '3', '4']);
      expect((await all(places.read())).every(({ isAltered }) => isAltered === false)).toBe(true);
      // What one has, the other has not.
      expect(await people.commit(sampleChunks(1, 4))).toMatchObject([{ isDuplicate: false }]);
      expect(await places.commit(sampleChunks(1, 4))).toMatchObject([{ isDuplicate: true }]);
    });

    test('lets nobody go back behind the fence of that time', async () => {
      const run = newRun();
      const schema = await earlier(run, { people: sampleChunks(1) });
      const stale = await open(schema, run, { ...legacy, fence: 4 });
      await expect(stale.commit(sampleChunks(2))).rejects.toMatchObject({ code: 'fenced' });
      const session = await open(schema, run, { ...legacy, fence: 5 });
      expect(await session.commit(sampleChunks(2))).toMatchObject([
        { isDuplicate: true },
        { isDuplicate: false },
      ]);
    });

    test('shows readers what is there, and leaves it to be claimed', async () => {
      const run = newRun();
      const schema = await earlier(run, { people: sampleChunks(2) });
      const { fence: _, ...context } = contextOf(run, { identity: identityFor(run, { born: '' }) });
      const reader = await setup().sink('people', schema).open(context);
      sessions.push(reader);
      expect(await idsOf(reader)).toEqual(['0', '1']);
      await expect(open(schema, run)).rejects.toMatchObject({ code: 'sink-taken' });
      const session = await open(schema, run, { ...legacy, fence: 5 });
      expect(await session.commit(sampleChunks(2))).toMatchObject([
        { isDuplicate: true },
        { isDuplicate: true },
      ]);
    });

    test('is brought up to date once when many open at the same time', async () => {
      const run = newRun();
      const schema = await earlier(run, { people: sampleChunks(2) });
      const opened = await Promise.all(
        Array.from({ length: 5 }, () => open(schema, run, { ...legacy, fence: 5 })),
      );
      expect(new Set(opened.map(({ identity }) => identity?.mark)).size).toBe(1);
      for (const session of opened) expect(await idsOf(session)).toEqual(['0', '1']);
    });
  });
}

/** As the version before claims made them; `$` is the schema. */
const EARLIER_TABLES = [
  `CREATE TABLE $.leat_receipts (
    run text NOT NULL, saver text NOT NULL, chunk text NOT NULL, ordinal bigint[] NOT NULL,
    records_in bigint NOT NULL, expanded bigint NOT NULL, filtered bigint NOT NULL,
    dead bigint NOT NULL, retries bigint NOT NULL, digest text NOT NULL,
    fence bigint NOT NULL, buried text NOT NULL,
    committed_at timestamp with time zone NOT NULL DEFAULT now(),
    PRIMARY KEY (run, saver, chunk))`,
  `CREATE INDEX ON $.leat_receipts (run, saver, ordinal)`,
  `CREATE TABLE $.leat_fences (
    run text NOT NULL, saver text NOT NULL, fence bigint NOT NULL, PRIMARY KEY (run, saver))`,
  `CREATE TABLE $.leat_checksums (run text NOT NULL, saver text NOT NULL, chunk text NOT NULL,
    md5 text NOT NULL, PRIMARY KEY (run, saver, chunk))`,
];

function earlierRows(
  schema: string,
  table: string,
  run: string,
  saver: string,
  { receipt, body }: SinkChunk,
): string[] {
  const { chunk, counts, digest, fence } = receipt;
  const lines = Buffer.from(body).toString().split('\n').slice(0, -1);
  const md5 = createHash('md5').update(body).digest('hex');
  const receipts = `INSERT INTO ${schema}.leat_receipts (run, saver, chunk, ordinal, records_in,
    expanded, filtered, dead, retries, digest, fence, buried) VALUES ('${run}', '${saver}',
    '${chunk}', '{${chunk}}', ${counts.in}, ${counts.expanded}, ${counts.filtered}, ${counts.dead},
    ${counts.retries}, '${digest}', ${fence}, '')`;
  if (savedRecords(receipt) === 0) return [receipts];
  return [
    receipts,
    `INSERT INTO ${schema}.leat_checksums VALUES ('${run}', '${saver}', '${chunk}', '${md5}')`,
    `INSERT INTO ${schema}.${table} SELECT '${run}', '${chunk}', n - 1, record.* FROM
      unnest(ARRAY['${lines.join("', '")}']) WITH ORDINALITY AS line(body, n)
      CROSS JOIN LATERAL json_to_record(line.body::json) AS record(id bigint, text text)`,
  ];
}
