import type { Column, ColumnType } from './sql-columns.ts';
import { identifier, literal, type Tables } from './sql-statements.ts';

/** The numbers by which PostgreSQL knows its own types, in every database. */
const TYPE_OID: Readonly<Record<ColumnType, number>> = {
  text: 25,
  'double precision': 701,
  numeric: 1700,
  integer: 23,
  bigint: 20,
  boolean: 16,
  'timestamp with time zone': 1184,
  date: 1082,
  jsonb: 3802,
};

/** Bits of `pg_trigger.tgtype`: neither of them stands for AFTER. */
const RUNS_BEFORE_OR_INSTEAD = 2 + 64;

/** How much of a value a dead letter quotes. */
const MAX_QUOTED = 80;

/**
 * Whether a table can only store what it is sent: a plain one, without triggers, whose columns have just the
 * types that the records were parsed as. PostgreSQL's own catalog says so, in the statement that inserts: an
 * edit in mid-run counts at once.
 */
export function isFaithful({ records, columns }: Tables): string {
  const types = columns.map(({ name, type }) => `(${literal(name)}, ${TYPE_OID[type]})`).join(', ');
  return `(SELECT relkind = 'r' AND NOT relhastriggers AND ${columns.length} = (SELECT count(*)
      FROM pg_catalog.pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND atttypmod = -1
        AND (attname::text, atttypid::bigint) IN (${types}))
    FROM pg_catalog.pg_class WHERE oid = ${literal(records)}::regclass)`;
}

/**
 * Whether what is stored can become something else after the statement that inserts has looked at it: by triggers that
 * run afterwards, of the table or of its partitions, or because it is no table but a view or a foreign one, which says
 * of itself what it has stored.
 */
export function mayChangeLater({ records }: Tables): string {
  const table = `${literal(records)}::regclass`;
  return `(SELECT relkind NOT IN ('r', 'p') OR EXISTS (SELECT FROM pg_catalog.pg_trigger
      WHERE NOT tgisinternal AND tgenabled <> 'D' AND (tgtype & ${RUNS_BEFORE_OR_INSTEAD}) = 0
        AND (tgrelid = ${table} OR tgrelid IN (SELECT relid FROM pg_partition_tree(${table}))))
    FROM pg_catalog.pg_class WHERE oid = ${table})`;
}

/** A row for each record of the table `sent` that is not so in the table `record`: what is there instead. */
export function otherValues({ columns }: Tables): string {
  const differences = columns.map((column) => {
    const [sent, found] = [valueOf('sent', column), valueOf('record', column)];
    return `CASE WHEN ${sent} IS DISTINCT FROM ${found} THEN
      ${literal(`${column.name} is `)} || ${quoted('record', column)} || ' and was ' || ${quoted('sent', column)} END`;
  });
  const isOther = columns.map(
    (column) => `${valueOf('sent', column)} IS DISTINCT FROM ${valueOf('record', column)}`,
  );
  return `SELECT CASE WHEN record._run IS NULL THEN 'the table did not store it: a trigger left it out'
      ELSE 'the table stored another value: ' || array_to_string(ARRAY[${differences.join(', ')}], ', ') END
    FROM sent LEFT JOIN record USING (_chunk, _index)
    WHERE record._run IS DISTINCT FROM sent._run OR ${isOther.join(' OR ')}`;
}

/** Texts are compared byte for byte, whatever the column takes for equal. */
function valueOf(table: string, { name, type }: Column): string {
  return `${table}.${identifier(name)}${type === 'text' ? ' COLLATE "C"' : ''}`;
}

function quoted(table: string, { name }: Column): string {
  return `left(coalesce(to_json(${table}.${identifier(name)})::text, 'NULL'), ${MAX_QUOTED})`;
}
