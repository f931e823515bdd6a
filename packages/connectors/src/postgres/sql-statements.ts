import type { Column } from './sql-columns.ts';

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
export function literal(value: string): string {
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
export function linesOf({ columns }: Tables): string {
  return `string_agg(${lineOf(columns)} || E'\\n', '' ORDER BY record._index)`;
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
