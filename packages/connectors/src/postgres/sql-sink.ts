import { checkRunId, LeatError, messageOf } from '@leat/core';
import type { SinkContext, SinkSession } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import { claimTable } from './sql-claim.ts';
import { columnsOf } from './sql-columns.ts';
import type { SqlDatabase } from './sql-database.ts';
import { SqlSession } from './sql-session.ts';
import { type TableName, prepareTables } from './sql-tables.ts';

/**
 * What waiting does not mend: wrong user or password (28), no such database (3D) or schema (3F), no
 * permission (42501), and a statement that the table does not allow (the rest of 42).
 */
const UNFIT = /^(?:28...|3D...|3F...|42...)$/;

/** Opens a session on a database; the session closes it. Shared by all SQL sinks. */
export async function openSqlSession(
  context: SinkContext,
  name: TableName,
  connect: () => Promise<SqlDatabase>,
): Promise<SinkSession> {
  checkRunId(context.run.id);
  const columns = columnsOf(context.schema);
  const database = await connect();
  try {
    const tables = await prepareTables(database, name, columns);
    return new SqlSession(database, await claimTable(database, tables, context), context);
  } catch (error) {
    await database.close().catch(() => undefined);
    if (error instanceof LeatError || !UNFIT.test(errorCode(error))) throw error;
    throw new LeatError(
      'sink-unfit',
      `The database does not let the sink use the table ${name.table}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}
