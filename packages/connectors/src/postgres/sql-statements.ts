import type { Column, ColumnType } from './sql-columns.ts';

/** What PostgreSQL allows a function as arguments is a hundred; stay well below. */
const MAX_ARGUMENTS = 50;

/** The tables that a session writes to, each with its schema and quoted. */
export interface Tables {
  readonly records: string;
  readonly receipts: string;
  readonly fences: string;
  readonly checksums: string;
  /**
   * The name of the records' table: it stands in every key of the others, which all tables of a schema
   * share.
   */
  readonly target: string;
  readonly columns: readonly Column[];
}

/** Quotes the name of a table or column. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a string. */
function literal(value: string): string {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return value.includes('\\') ? `E${quoted}` : quoted;
}

/**
 * Raises the fence of run `$1` and saver `$2` to `$3`, keeps the claim `$4`, and waits for the commits that
 * are under way. Where there is nothing to change it must not lock the row: who opens would wait as long as
 * others commit.
 */
export function raiseFence({ fences, target }: Tables): string {
  const table = literal(target);
  return `INSERT INTO ${fences} AS kept (target, run, saver, fence, claim)
    SELECT ${table}, $1::text, $2::text, $3::bigint, $4::text WHERE NOT EXISTS (SELECT FROM ${fences}
      WHERE target = ${table} AND run = $1::text AND saver = $2::text
        AND fence >= $3::bigint AND claim = $4::text)
    ON CONFLICT (target, run, saver) DO UPDATE
      SET fence = greatest(kept.fence, excluded.fence), claim = excluded.claim`;
}

/** The fence of run `$1` and saver `$2`, and whose it is. */
export function selectFence({ fences, target }: Tables): string {
  return `SELECT fence::text, claim FROM ${fences}
    WHERE target = ${literal(target)} AND run = $1::text AND saver = $2::text`;
}

/**
 * Every saver of the run `$1` that writes into the table, and whose it is; also one of an earlier version, if
 * the table has its records.
 */
export function selectClaims({ fences, receipts, records, target }: Tables): string {
  return `SELECT saver, claim FROM ${fences} WHERE target = ${literal(target)} AND run = $1::text
    UNION SELECT saver, '' FROM ${receipts} AS receipt WHERE target = '' AND run = $1::text
      AND EXISTS (SELECT FROM ${records} AS record
        WHERE record._run = receipt.run AND record._chunk = receipt.chunk)`;
}

/** A row if there is anything of run `$1` and saver `$2` that an earlier version wrote, for no table. */
export function hasUnclaimed({ receipts, fences }: Tables): string {
  const isIt = `target = '' AND run = $1::text AND saver = $2::text`;
  return `SELECT 'yes' WHERE EXISTS (SELECT FROM ${fences} WHERE ${isIt})
    OR EXISTS (SELECT FROM ${receipts} WHERE ${isIt})`;
}

/** Gives the table the fence of run `$1` and saver `$2` that names none; it stays also where it is, for others. */
export function adoptFence({ fences, target }: Tables): string {
  return `INSERT INTO ${fences} (target, run, saver, fence, claim)
    SELECT ${literal(target)}, run, saver, fence, claim FROM ${fences}
    WHERE target = '' AND run = $1::text AND saver = $2::text
    ON CONFLICT (target, run, saver) DO NOTHING`;
}

/** Gives the table the receipts of run `$1` and saver `$2` that name none, if it has their records. */
export function adoptReceipts({ receipts, records, target }: Tables): string {
  return `UPDATE ${receipts} AS receipt SET target = ${literal(target)}
    WHERE target = '' AND run = $1::text AND saver = $2::text
      AND (records_in + expanded = filtered + dead OR EXISTS (SELECT FROM ${records} AS record
        WHERE record._run = receipt.run AND record._chunk = receipt.chunk))`;
}

/** Gives the table the checksums of run `$1` and saver `$2` that name none, if it has their receipts. */
export function adoptChecksums({ checksums, receipts, target }: Tables): string {
  return `UPDATE ${checksums} AS checked SET target = ${literal(target)}
    WHERE target = '' AND run = $1::text AND saver = $2::text
      AND EXISTS (SELECT FROM ${receipts} AS receipt WHERE receipt.target = ${literal(target)}
        AND receipt.run = checked.run AND receipt.saver = checked.saver
        AND receipt.chunk = checked.chunk)`;
}

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
 * Inserts records of run `$1`: `pieces` times the three values chunk id, index of the first line, and
 * lines, from `$<first>` on. The lines are parsed by PostgreSQL, each by itself, so that a damaged one
 * cannot shift its neighbours.
 *
 * @param fresh a table of the chunks to insert, if not all
 */
export function insertRecords(
  { records, columns }: Tables,
  pieces: number,
  first: number,
  fresh?: string,
): string {
  const names = columns.map(({ name }) => identifier(name));
  const fields = columns.map(({ name, type }) => `${identifier(name)} ${PARSED_AS[type] ?? type}`);
  const values = columns.map(({ name, type }) => stored(`record.${identifier(name)}`, type));
  const given = Array.from({ length: pieces }, (_, piece) => {
    const at = first + piece * 3;
    return `($${at}::text, $${at + 1}::integer, $${at + 2}::text)`;
  });
  return `INSERT INTO ${records} (_run, _chunk, _index, ${names.join(', ')})
    SELECT $1::text, piece.chunk, piece.first + line.n::integer - 1, ${values.join(', ')}
    FROM (VALUES ${given.join(', ')}) AS piece(chunk, first, body)
    ${fresh === undefined ? '' : `JOIN ${fresh} ON ${fresh}.chunk = piece.chunk`}
    CROSS JOIN LATERAL unnest(string_to_array(rtrim(piece.body, E'\\n'), E'\\n'))
      WITH ORDINALITY AS line(body, n)
    CROSS JOIN LATERAL json_to_record(line.body::json) AS record(${fields.join(', ')})`;
}

/**
 * Everything at once: receipts, and the records of those chunks whose receipt is new. A single statement
 * is a transaction, and takes one round trip instead of four. It returns a row for each new chunk, and one
 * more with NULL unless the fence is higher than `$4`, or the claim another than `$5`: then it inserts nothing
 * and returns nothing.
 *
 * The fence's row is locked, FOR SHARE so that commits do not wait for each other: one that has seen it
 * ends before it is raised, and one that waited for the raising sees the new value.
 */
export function commitChunks(tables: Tables, pieces: number): string {
  const saved = pieces === 0 ? '' : `, ${saveWithChecksums(tables, pieces)}`;
  return `WITH valid AS (${selectFence(tables)} AND fence <= $4::bigint AND claim = $5::text FOR SHARE),
    fresh AS (${insertReceipts(tables, 'valid')})${saved}
    SELECT chunk FROM fresh UNION ALL SELECT NULL FROM valid`;
}

/** The checksum is of the lines as they will be read: of the columns as PostgreSQL has stored them. */
function saveWithChecksums(tables: Tables, pieces: number): string {
  return `record AS (${insertRecords(tables, pieces, 6, 'fresh')} RETURNING *),
    checked AS (INSERT INTO ${tables.checksums} (target, run, saver, chunk, md5)
      SELECT ${literal(tables.target)}, $1::text, $2::text, _chunk, md5(${linesOf(tables)})
      FROM record GROUP BY _chunk
      ON CONFLICT (target, run, saver, chunk) DO UPDATE SET md5 = excluded.md5)`;
}

/** A chunk id, and its receipt as the line that `parseReceipt` reads. */
const RECEIPT = `chunk, concat_ws(' ', chunk,
  concat_ws('/', records_in, expanded, filtered, dead, retries), digest, fence, nullif(buried, ''), 'source=' || nullif(source, ''))`;

/** The receipts of run `$1`, saver `$2`, and the chunks in `$3`, a JSON array. */
export function selectReceipts({ receipts, target }: Tables): string {
  return `SELECT ${RECEIPT} FROM ${receipts}
    WHERE target = ${literal(target)} AND run = $1::text AND saver = $2::text
    AND chunk IN (SELECT json_array_elements_text($3::text::json))`;
}

/** The next `$4` receipts after ordinal `$3`, in dataset order. */
export function pageReceipts({ receipts, target }: Tables): string {
  return `SELECT ${RECEIPT}, ordinal::text FROM ${receipts} AS receipt
    WHERE target = ${literal(target)} AND run = $1::text AND saver = $2::text AND ordinal > $3::text::bigint[]
    ORDER BY receipt.ordinal LIMIT $4::integer`;
}

/** Chunks of run `$1` of which there are records but no receipt, by any saver. */
export function selectOrphans({ records, receipts, target }: Tables): string {
  return `SELECT DISTINCT _chunk FROM ${records} AS record WHERE _run = $1::text AND NOT EXISTS (
    SELECT FROM ${receipts} AS receipt
    WHERE receipt.target = ${literal(target)} AND receipt.run = record._run AND receipt.chunk = record._chunk)`;
}

/**
 * For each chunk in `$2` (a JSON array): how many records there are, their lines, and the checksum that
 * saver `$3` made of them.
 */
export function selectRecords(tables: Tables): string {
  const { records, checksums, target } = tables;
  return `SELECT wanted.chunk, count(record._index)::text,
      ${linesOf(tables)} FILTER (WHERE record._index IS NOT NULL),
      min(checked.md5)
    FROM json_array_elements_text($2::text::json) WITH ORDINALITY AS wanted(chunk, n)
    LEFT JOIN ${records} AS record ON record._run = $1::text AND record._chunk = wanted.chunk
    LEFT JOIN ${checksums} AS checked
      ON checked.target = ${literal(target)} AND checked.run = $1::text AND checked.saver = $3::text AND checked.chunk = wanted.chunk
    GROUP BY wanted.n, wanted.chunk ORDER BY wanted.n`;
}

/** The lines of many records, in their order. */
function linesOf({ columns }: Tables): string {
  return `string_agg(${lineOf(columns)} || E'\\n', '' ORDER BY record._index)`;
}

/** Types that are not taken straight from the JSON, see {@link stored}. */
const PARSED_AS: Partial<Record<ColumnType, ColumnType>> = {
  integer: 'numeric',
  bigint: 'numeric',
  'timestamp with time zone': 'text',
};

/**
 * The expression that is stored. Where PostgreSQL would round in silence, it is led to an error that
 * quotes the value: fractions in whole numbers, and more than microseconds. (`1.0` and `1e3` are whole
 * numbers in JSON and not in PostgreSQL's syntax, hence the way by `numeric`.)
 */
function stored(value: string, type: ColumnType): string {
  if (type === 'integer' || type === 'bigint') {
    return `CASE WHEN ${value} = trunc(${value}) THEN ${value}::${type} ELSE ${value}::text::${type} END`;
  }
  if (type === 'timestamp with time zone') {
    // A time without an offset is taken as UTC, whatever the server's time zone.
    return `(CASE WHEN ${value} ~ '[.][0-9]{6}[0-9]*[1-9]' THEN 'finer than microseconds: ' ELSE '' END
        || ${value} || CASE WHEN ${value} ~ 'T.*([Zz]|[-+][0-9:]+)$' THEN '' ELSE 'Z' END)::${type}`;
  }
  return value;
}

/** One record as JSON. `concat_ws` leaves out what is NULL, and with it the key. */
function lineOf(columns: readonly Column[]): string {
  const fields = columns.map(({ name, type, isOptional }) => {
    const column = `record.${identifier(name)}`;
    const value =
      type === 'timestamp with time zone'
        ? `to_json((to_json(${column} AT TIME ZONE 'UTC') #>> '{}') || 'Z')::text`
        : `to_json(${column})::text`;
    const text = isOptional ? value : `coalesce(${value}, 'null')`;
    return `${literal(`${JSON.stringify(name)}:`)} || ${text}`;
  });
  return `'{' || ${joined(fields)} || '}'`;
}

function joined(parts: readonly string[]): string {
  if (parts.length <= MAX_ARGUMENTS) return `concat_ws(',', ${parts.join(', ')})`;
  const groups: string[] = [];
  for (let from = 0; from < parts.length; from += MAX_ARGUMENTS) {
    groups.push(`nullif(${joined(parts.slice(from, from + MAX_ARGUMENTS))}, '')`);
  }
  return joined(groups);
}
