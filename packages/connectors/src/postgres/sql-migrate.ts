import type { SqlQueries } from './sql-database.ts';
import { describeReceipts, indexReceipts } from './sql-create.ts';
import { identifier, type Tables } from './sql-statements.ts';

/**
 * Brings the tables of an earlier version up to date, which had neither the table's name in their keys nor
 * claims, and at first no fence. What they hold gets an empty name, until its run is opened again.
 */
export async function migrateTables(tx: SqlQueries, tables: Tables): Promise<void> {
  const { receipts, fences, checksums } = tables;
  await addToKey(tx, receipts, ['run', 'saver', 'chunk']);
  for (const column of ['fence bigint NOT NULL DEFAULT 0', `buried text NOT NULL DEFAULT ''`]) {
    await tx.query(`ALTER TABLE ${receipts} ADD COLUMN IF NOT EXISTS ${column}`);
  }
  await tx.query(`ALTER TABLE ${receipts} ADD COLUMN source text NOT NULL DEFAULT ''`);
  await dropIndexes(tx, receipts);
  await tx.query(indexReceipts(tables));
  await addToKey(tx, fences, ['run', 'saver']);
  await tx.query(`ALTER TABLE ${fences} ADD COLUMN IF NOT EXISTS claim text NOT NULL DEFAULT ''`);
  await addToKey(tx, checksums, ['run', 'saver', 'chunk']);
  await tx.query(describeReceipts(tables));
}

async function addToKey(tx: SqlQueries, table: string, key: readonly string[]): Promise<void> {
  await tx.query(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS target text NOT NULL DEFAULT ''`);
  const keys = await tx.query(
    `SELECT conname::text FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'p'`,
    [table],
  );
  for (const [name] of keys) {
    await tx.query(`ALTER TABLE ${table} DROP CONSTRAINT ${identifier(name ?? '')}`);
  }
  await tx.query(`ALTER TABLE ${table} ADD PRIMARY KEY (target, ${key.join(', ')})`);
}

async function dropIndexes(tx: SqlQueries, table: string): Promise<void> {
  const indexes = await tx.query(
    `SELECT indexrelid::regclass::text FROM pg_index
     WHERE indrelid = $1::text::regclass AND NOT indisprimary
       AND pg_get_indexdef(indexrelid) LIKE '%(run, saver, ordinal)'`,
    [table],
  );
  for (const [name] of indexes) await tx.query(`DROP INDEX ${name}`);
}
