import { messageOf } from '@leat/core';
import type { Column, ColumnType } from './sql-columns.ts';
import { isFaithful, mayChangeLater, otherValues } from './sql-altered.ts';
import { identifier, linesOf, literal, selectFence, type Tables } from './sql-statements.ts';

/** What the statement says that refuses to commit what may be altered later. */
const LATER = ' records were altered, and others may be later';

/**
 * Inserts receipts `$3` (a JSON array) of run `$1` and saver `$2`; returns the chunks that are new.
 *
 * @param guard a table of one row; nothing is inserted if it has none
 */
export function insertReceipts({ receipts, target }: Tables, guard?: string): string {
  return `INSERT INTO ${receipts} (target, run, saver, chunk, ordinal,
      records_in, expanded, filtered, dead, retries, digest, fence, buried, source)
    SELECT ${literal(target)}, $1::text, $2::text, chunk, ordinal::bigint[],
      records_in, expanded, filtered, dead, retries, digest, given.fence, buried, source
    FROM json_to_recordset($3::text::json) AS given(chunk text, ordinal text,
      records_in bigint, expanded bigint, filtered bigint, dead bigint, retries bigint, digest text,
      fence bigint, buried text, source text)${guard === undefined ? '' : ` CROSS JOIN ${guard}`}
    ON CONFLICT (target, run, saver, chunk) DO NOTHING
    RETURNING chunk`;
}

/**
 * Everything at once: receipts, and the records of those chunks whose receipt is new. A single statement
 * is a transaction, and takes one round trip instead of four. It returns a row for each new chunk, and one
 * more with NULL unless the fence is higher than `$4`, or the claim another than `$5`: then it inserts nothing
 * and returns nothing. If the table stores something else than it was sent, it fails. So it does if that may happen
 * only later ({@link isLater}), unless it is looked at later, too, by {@link demandKept} in the same transaction.
 *
 * The fence's row is locked, FOR SHARE so that commits do not wait for each other: one that has seen it
 * ends before it is raised, and one that waited for the raising sees the new value.
 */
export function commitChunks(tables: Tables, pieces: number, isLookedAtLater: boolean): string {
  const saved = pieces === 0 ? '' : `, ${saveRecords(tables, pieces, 6, 'fresh')}`;
  const ifNotAltered = pieces === 0 ? '' : ` WHERE ${demandUnaltered(tables, isLookedAtLater)}`;
  return `WITH valid AS (${selectFence(tables)} AND fence <= $4::bigint AND claim = $5::text FOR SHARE),
    fresh AS (${insertReceipts(tables, 'valid')})${saved}
    SELECT chunk FROM fresh UNION ALL SELECT NULL FROM valid${ifNotAltered}`;
}

/**
 * Inserts records as a commit does, whether their receipts are new or not, for run `$1` and saver `$2`, with
 * pieces from `$3` on. Returns what one of them was stored as, if that is not what was sent.
 */
export function tryRecords(tables: Tables, pieces: number): string {
  return `WITH ${saveRecords(tables, pieces, 3)} ${otherValues(tables)} LIMIT 1`;
}

/** What records of run `$1`, with pieces from `$2` on, are by now, of which one is not what was sent. */
export function lookLater(tables: Tables, pieces: number): string {
  return `WITH ${asTheyAre(tables, pieces)} ${otherValues(tables)} LIMIT 1`;
}

/** An error, if records of run `$1`, with pieces from `$2` on, are by now something else than was sent. */
export function demandKept(tables: Tables, pieces: number): string {
  return `WITH ${asTheyAre(tables, pieces)}
    SELECT (altered.n || ' records were altered after they were stored')::boolean
    FROM (SELECT count(*) AS n FROM (${otherValues(tables)}) AS other) AS altered WHERE altered.n > 0`;
}

/** Whether a commit failed only because what it stores may be altered later. */
export function isLater(error: unknown): boolean {
  return messageOf(error).includes(LATER);
}

/** Records that were sent, as the table `sent`, and what is in the database at their place, as the table `record`. */
function asTheyAre(tables: Tables, pieces: number): string {
  return `sent AS (${selectSent(tables, pieces, 2)}), record AS (SELECT * FROM ${tables.records} AS kept
      WHERE kept._run = $1::text AND (kept._chunk, kept._index) IN (SELECT _chunk, _index FROM sent))`;
}

/**
 * Saves records of run `$1` and saver `$2`: `pieces` times the three values chunk id, index of the first line,
 * and lines, from `$<first>` on. They are the table `sent`, and as they are stored the table `record`. The
 * checksum is of the lines as they will be read: of the columns as PostgreSQL has stored them.
 *
 * @param fresh a table of the chunks to insert, if not all
 */
function saveRecords(tables: Tables, pieces: number, first: number, fresh?: string): string {
  const { records, checksums, target, columns } = tables;
  const names = ['_run', '_chunk', '_index', ...columns.map(({ name }) => identifier(name))].join(
    ', ',
  );
  return `sent AS (${selectSent(tables, pieces, first, fresh)}),
    record AS (INSERT INTO ${records} (${names}) SELECT ${names} FROM sent RETURNING *),
    checked AS (INSERT INTO ${checksums} (target, run, saver, chunk, md5)
      SELECT ${literal(target)}, $1::text, $2::text, _chunk, md5(convert_to(${linesOf(tables)}, 'UTF8'))
      FROM record GROUP BY _chunk
      ON CONFLICT (target, run, saver, chunk) DO UPDATE SET md5 = excluded.md5)`;
}

/** The lines are parsed by PostgreSQL, each by itself, so that a damaged one cannot shift its neighbours. */
function selectSent({ columns }: Tables, pieces: number, first: number, fresh?: string): string {
  const fields = columns.map(({ name, type }) => `${identifier(name)} ${PARSED_AS[type] ?? type}`);
  const values = columns.map((column) => `${stored(column)} AS ${identifier(column.name)}`);
  const given = Array.from({ length: pieces }, (_, piece) => {
    const at = first + piece * 3;
    return `($${at}::text, $${at + 1}::integer, $${at + 2}::text)`;
  });
  return `SELECT $1::text AS _run, piece.chunk AS _chunk, piece.first + line.n::integer - 1 AS _index,
      ${values.join(', ')}
    FROM (VALUES ${given.join(', ')}) AS piece(chunk, first, body)
    ${fresh === undefined ? '' : `JOIN ${fresh} ON ${fresh}.chunk = piece.chunk`}
    CROSS JOIN LATERAL unnest(string_to_array(rtrim(piece.body, E'\\n'), E'\\n'))
      WITH ORDINALITY AS line(body, n)
    CROSS JOIN LATERAL json_to_record(line.body::json) AS field(${fields.join(', ')})`;
}

/** An error that says how many, if records were not stored as they were sent: the text is no boolean. */
function demandUnaltered(tables: Tables, isLookedAtLater: boolean): string {
  const orLater = isLookedAtLater
    ? ''
    : `WHEN ${mayChangeLater(tables)} THEN (altered.n || ${literal(LATER)})::boolean`;
  return `(SELECT CASE WHEN ${isFaithful(tables)} THEN true ${orLater} WHEN altered.n = 0 THEN true
      ELSE (altered.n || ' records were not stored as they were sent')::boolean END
    FROM (SELECT count(*) AS n FROM (${otherValues(tables)}) AS other) AS altered)`;
}

/** Types that are not taken straight from the JSON, see {@link stored}. */
const PARSED_AS: Partial<Record<ColumnType, ColumnType>> = {
  integer: 'numeric',
  bigint: 'numeric',
  'double precision': 'text',
  'timestamp with time zone': 'text',
};

/**
 * The expression that is stored. Where PostgreSQL would round in silence, it is led to an error that
 * quotes the value: fractions in whole numbers, more digits than a double holds, and more than microseconds.
 * (`1.0` and `1e3` are whole numbers in JSON and not in PostgreSQL's syntax, hence the way by `numeric`.)
 */
function stored({ name, type, isOptional }: Column): string {
  const value = `field.${identifier(name)}`;
  const says = (what: string): string => literal(`${name} ${what}: `);
  if (type === 'integer' || type === 'bigint') {
    return `CASE WHEN ${value} = trunc(${value}) THEN ${value}::${type} ELSE ${value}::text::${type} END`;
  }
  if (type === 'double precision') {
    // Fifteen digits always fit, but where the exponent is that of a subnormal number; most others are written as
    // PostgreSQL writes them.
    return `(CASE WHEN length(${value}) < 16 AND strpos(${value}, '-3') = 0
          OR ${value}::float8::text = ${value} OR ${value}::numeric = ${value}::float8::text::numeric
        THEN '' ELSE ${says('has more digits than double precision')} END || ${value})::${type}`;
  }
  if (type === 'timestamp with time zone') {
    // A time without an offset is taken as UTC, whatever the server's time zone.
    return `(CASE WHEN ${value} ~ '[.][0-9]{6}[0-9]*[1-9]' THEN ${says('is finer than microseconds')} ELSE '' END
        || ${value} || CASE WHEN ${value} ~ 'T.*([Zz]|[-+][0-9:]+)$' THEN '' ELSE 'Z' END)::${type}`;
  }
  if (type === 'jsonb' && isOptional) {
    // NULL stands for a field that is absent, and JSON has a null of its own.
    return `CASE WHEN ${value} IS NULL AND strpos(line.body, 'null') > 0
        AND (line.body::json -> ${literal(name)}) IS NOT NULL THEN 'null'::jsonb ELSE ${value} END`;
  }
  return value;
}
