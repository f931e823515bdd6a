import { formatAge, LeatError, newerVersion } from '@leat/core';
import { type Column, type ColumnType, KEY_COLUMNS } from './sql-columns.ts';
import type { SqlDatabase, SqlQueries } from './sql-database.ts';
import { migrateTables } from './sql-migrate.ts';
import {
  createChecksums,
  createFences,
  createReceipts,
  createRecords,
  describeReceipts,
  indexReceipts,
} from './sql-create.ts';
import { type Tables, identifier } from './sql-statements.ts';

const RECEIPTS = 'leat_receipts';
const FENCES = 'leat_fences';
const CHECKSUMS = 'leat_checksums';

/** Two savers that start together must not both find a table absent and create it. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtext('leat tables'))::text`;

/** Types that hold everything that the wanted one does. `character varying` may have a length. */
const ALSO_FIT: Partial<Record<ColumnType, readonly ColumnType[]>> = {
  integer: ['bigint', 'numeric'],
  bigint: ['numeric'],
  'double precision': ['numeric'],
  numeric: ['bigint'],
};

interface FoundColumn {
  readonly name: string;
  readonly type: string;
  /** Whether a row without a value for it is refused. */
  readonly isRequired: boolean;
}

/** Where the records go. */
export interface TableName {
  readonly table: string;
  /** The PostgreSQL schema; the connection's own if absent. */
  readonly schema?: string;
}

/**
 * Creates the tables if they are absent and otherwise checks that they fit. Returns them with the
 * columns as they really are.
 *
 * @throws LeatError `sink-unfit`
 */
export function prepareTables(
  database: SqlDatabase,
  name: TableName,
  columns: readonly Column[],
): Promise<Tables> {
  return database.transaction(async (tx) => {
    await tx.query(LOCK);
    const schema = await prepareSchema(tx, name.schema);
    const tables = {
      records: `${identifier(schema)}.${identifier(name.table)}`,
      receipts: `${identifier(schema)}.${identifier(RECEIPTS)}`,
      fences: `${identifier(schema)}.${identifier(FENCES)}`,
      checksums: `${identifier(schema)}.${identifier(CHECKSUMS)}`,
      target: name.table,
      columns,
    };
    await prepareReceipts(tx, schema, tables);
    const found = await foundColumns(tx, schema, name.table);
    if (found.length > 0)
      return { ...tables, columns: checkColumns(tables.records, columns, found) };
    await tx.query(createRecords(tables));
    return tables;
  });
}

/** Whether there is anything to read: a table for records, and one for receipts. */
export async function areTablesThere(database: SqlQueries, name: TableName): Promise<boolean> {
  const [[current = null] = []] = await database.query('SELECT current_schema()::text');
  const schema = name.schema ?? current ?? '';
  for (const table of [name.table, RECEIPTS]) {
    if ((await foundColumns(database, schema, table)).length === 0) return false;
  }
  return true;
}

/** The tables that all tables of a schema share. */
async function prepareReceipts(tx: SqlQueries, schema: string, tables: Tables): Promise<void> {
  const found = await foundColumns(tx, schema, RECEIPTS);
  if (found.length > 0) {
    checkReceipts(tables.receipts, found);
    await checkVersion(tx, tables.receipts);
  } else {
    await tx.query(createReceipts(tables));
    await tx.query(indexReceipts(tables));
    await tx.query(describeReceipts(tables));
  }
  if ((await foundColumns(tx, schema, FENCES)).length === 0) await tx.query(createFences(tables));
  if ((await foundColumns(tx, schema, CHECKSUMS)).length === 0) {
    await tx.query(createChecksums(tables));
  }
  const isOfToday = found.length === 0 || found.some(({ name }) => name === 'target');
  if (!isOfToday) await migrateTables(tx, tables);
}

async function prepareSchema(tx: SqlQueries, wanted: string | undefined): Promise<string> {
  if (wanted === undefined) {
    const [[current = null] = []] = await tx.query('SELECT current_schema()::text');
    if (current !== null) return current;
    throw new LeatError(
      'sink-unfit',
      'No schema of the search_path exists in the database; give the sink the option "schema".',
    );
  }
  const found = await tx.query('SELECT nspname::text FROM pg_namespace WHERE nspname = $1::text', [
    wanted,
  ]);
  if (found.length === 0) await tx.query(`CREATE SCHEMA ${identifier(wanted)}`);
  return wanted;
}

async function foundColumns(tx: SqlQueries, schema: string, table: string): Promise<FoundColumn[]> {
  const rows = await tx.query(
    `SELECT attname::text, format_type(atttypid, atttypmod),
       (attnotnull AND NOT atthasdef AND attidentity = '')::text
     FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
       JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE nspname = $1::text AND relname = $2::text AND relkind IN ('r', 'p', 'v', 'f')
       AND attnum > 0 AND NOT attisdropped
     ORDER BY attnum`,
    [schema, table],
  );
  return rows.map(([name, type, isRequired]) => ({
    name: name ?? '',
    type: type ?? '',
    isRequired: isRequired === 'true',
  }));
}

/** The columns that every version of Leat has made. */
const FIRST_COLUMNS = ['run', 'saver', 'chunk', 'ordinal', 'records_in', 'digest'];

/** A table that is there may be somebody else's. */
function checkReceipts(table: string, found: readonly FoundColumn[]): void {
  const names = new Set(found.map(({ name }) => name));
  const missing = FIRST_COLUMNS.find((name) => !names.has(name));
  if (missing === undefined) return;
  throw new LeatError(
    'sink-unfit',
    `The table ${table} should have the column ${identifier(missing)} and has not: no version of Leat made ` +
      'it. Give the sink another schema, or rename the table.',
  );
}

/**
 * Tables of which nothing says their version were made before there were any; their columns tell.
 *
 * @throws LeatError `newer-version`
 */
async function checkVersion(tx: SqlQueries, table: string): Promise<void> {
  const [[comment = null] = []] = await tx.query(
    `SELECT obj_description($1::text::regclass, 'pg_class')`,
    [table],
  );
  const version = /^leat format (\S+)$/.exec(comment ?? '')?.[1];
  if (formatAge('tables', version) === 'newer') {
    throw newerVersion(
      'tables',
      `The table ${table}, with all that Leat keeps beside it,`,
      version,
    );
  }
}

/** The columns as they are found, if records of the wanted ones can be stored in them. */
function checkColumns(
  table: string,
  wanted: readonly Column[],
  found: readonly FoundColumn[],
): readonly Column[] {
  const byName = new Map(found.map((column) => [column.name, column]));
  for (const key of KEY_COLUMNS) {
    const type = key === '_index' ? 'integer' : 'text';
    if (byName.get(key)?.type !== type) throw mismatch(table, key, type, byName.get(key)?.type);
  }
  const names = new Set([...KEY_COLUMNS, ...wanted.map(({ name }) => name)]);
  const extra = found.find(({ name, isRequired }) => isRequired && !names.has(name));
  if (extra !== undefined) {
    throw new LeatError(
      'sink-unfit',
      `The table ${table} requires a value for the column ${identifier(extra.name)}, which the ` +
        'records do not have. Give the column a default, or make it nullable.',
    );
  }
  return wanted.map((column) => {
    const type = byName.get(column.name)?.type ?? '';
    if (column.type === type) return column;
    if (column.type === 'text' && type.startsWith('character varying')) return column;
    const fitting = ALSO_FIT[column.type]?.find((other) => other === type);
    if (fitting === undefined) throw mismatch(table, column.name, column.type, type);
    return { ...column, type: fitting };
  });
}

function mismatch(table: string, name: string, wanted: string, found = ''): LeatError {
  const state = found === '' ? 'has no such column' : `has ${found}`;
  return new LeatError(
    'sink-unfit',
    `The column ${identifier(name)} of the table ${table} should be ${wanted}, but the table ${state}. ` +
      'Change the table or the schema, or give the sink another table.',
  );
}
