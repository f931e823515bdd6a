import { messageOf } from '@leat/core';
import type { Sink } from '@leat/sdk';
import { connectionOf } from './postgres-connection.ts';
import { openPostgres } from './postgres-database.ts';
import { checkTableName, openSqlSession } from './sql-sink.ts';

/** Where {@link postgres} connects to and which table it fills. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database`; `?sslmode=verify-full` encrypts the connection.
   *
   * @defaultValue the environment variable `DATABASE_URL`, else libpq's `PGHOST`, `PGUSER` and so on
   */
  readonly url?: string;
  readonly table: string;
  /**
   * The PostgreSQL schema of the table.
   *
   * @defaultValue the first of the connection's `search_path`
   */
  readonly schema?: string;
  /**
   * Most connections that one saver opens. More than the saver's overlapping commits are of no use.
   *
   * @defaultValue `4`
   */
  readonly poolSize?: number;
}

const DEFAULT_POOL_SIZE = 4;
/**
 * Saves each record as a row of a PostgreSQL table, the fields of the schema as its columns.
 *
 * The table is created if it is absent, and checked if it is there. Strings become `text`, numbers
 * `double precision` (whole ones `bigint` or `integer`), dates `timestamptz` and `date`, and what is
 * nested `jsonb`. To these come `_run`, `_chunk` and `_index`, the primary key. The receipts are in a
 * table `leat_receipts` beside it.
 *
 * **Commit.** One statement inserts the receipts that are not there yet and the records of just those
 * chunks, in one transaction. A second saver with the same chunk waits for the first at the receipt's
 * primary key and then finds it taken. The lines are parsed by PostgreSQL and not by the saver. Records
 * that the table refuses (a constraint, a trigger, a `\u0000`, a number out of range) are found by halving, and
 * so are those that it would store otherwise than they were sent.
 *
 * @example
 * ```ts
 * const people = saver('people', { from: adults, sink: postgres({ table: 'people' }) });
 * ```
 */
export function postgres(options: PostgresOptions): Sink {
  checkTableName(options);
  return {
    kind: 'postgres',
    open: (context) =>
      openSqlSession(context, options, () => {
        const connection = connectionOf(options, process.env);
        return openPostgres(connection, options.poolSize ?? DEFAULT_POOL_SIZE, (error) => {
          context.logger.warn(`A connection to PostgreSQL was lost: ${messageOf(error)}`);
        });
      }),
  };
}
