import { checkName, LeatError } from '@leat/core';
import type { SinkContext, SinkSession } from '@leat/sdk';
import { emptySession } from '../sink/empty-session.ts';
import { claimTable } from './sql-claim.ts';
import { columnsOf } from './sql-columns.ts';
import type { SqlDatabase } from './sql-database.ts';
import { isAway, unfitDatabase } from './sql-fault.ts';
import { checkSqlName } from './sql-name.ts';
import { tryEmpty } from './sql-rejection.ts';
import { SqlSession } from './sql-session.ts';
import { areTablesThere, type TableName, prepareTables } from './sql-tables.ts';

/** @throws LeatError `sink-unfit` if the database could not take the names as they are */
export function checkTableName({ table, schema }: TableName): void {
  checkSqlName('table', table);
  if (schema !== undefined) checkSqlName('schema', schema);
}

/** Opens a session on a database; the session closes it. Shared by all SQL sinks. */
export async function openSqlSession(
  context: SinkContext,
  name: TableName,
  connect: () => Promise<SqlDatabase>,
): Promise<SinkSession> {
  checkName('run', context.run.id);
  const columns = columnsOf(context.schema);
  const database = await connect();
  try {
    const isReader = context.fence === undefined;
    if (isReader && !(await areTablesThere(database, name))) {
      await database.close();
      return emptySession(context, `the table ${name.table}, which is not there`);
    }
    const claimed = await claimTable(
      database,
      await prepareTables(database, name, columns),
      context,
    );
    const { run, stage, fence } = context;
    if (fence !== undefined) await tryEmpty(database, claimed.tables, run.id, stage);
    return new SqlSession(database, claimed, context);
  } catch (error) {
    await database.close().catch(() => undefined);
    if (error instanceof LeatError || isAway(error)) throw error;
    throw unfitDatabase(name.table, error);
  }
}
