import type { Sink } from '@leat/sdk';
import { Pool, type PoolClient } from 'pg';
import { errorCode } from './error-code.ts';
import type { SqlDatabase, SqlQueries, SqlRow, SqlValue } from './sql-database.ts';
import { openSqlSession } from './sql-sink.ts';

/** Where {@link postgres} connects to and which table it fills. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database`.
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
const CONNECT_TIMEOUT_MS = 10_000; // 10s, then "not now"
/** For a server that vanished without a word. Long, because a commit may rightly wait for a lock. */
const QUERY_TIMEOUT_MS = 300_000; // 5min

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
 * that the table refuses (a constraint, a `\u0000`, a number out of range) are found by halving.
 *
 * @example
 * ```ts
 * const people = saver({ from: adults, sink: postgres({ table: 'people' }) });
 * ```
 */
export function postgres(options: PostgresOptions): Sink {
  return {
    kind: 'postgres',
    open: (context) =>
      openSqlSession(context, options, () =>
        Promise.resolve(
          openPool(options, (error) => {
            // The pool replaces the connection at the next query.
            context.logger.warn({ err: error }, 'connection to PostgreSQL lost');
          }),
        ),
      ),
  };
}

function openPool(options: PostgresOptions, onLost: (error: Error) => void): SqlDatabase {
  const url = options.url ?? process.env['DATABASE_URL'];
  const pool = new Pool({
    ...(url === undefined ? {} : { connectionString: url }),
    max: options.poolSize ?? DEFAULT_POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'leat-saver',
  });
  pool.on('error', onLost);

  const using = async <Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> => {
    const client = await pool.connect();
    let failure: Error | undefined;
    // A connection may also break between two queries; without a listener that ends the process.
    const onError = (error: Error): void => {
      failure = error;
    };
    client.on('error', onError);
    try {
      return await work(client);
    } catch (error) {
      // An error with an SQLSTATE was told over a connection that works, unless the server ends it.
      if (!/^(?!57P|08)[0-9A-Z]{5}$/.test(errorCode(error))) {
        failure ??= error instanceof Error ? error : new Error(String(error));
      }
      throw error;
    } finally {
      client.off('error', onError);
      client.release(failure);
    }
  };

  return {
    query: (text, values) => using((client) => queriesOf(client).query(text, values)),
    transaction: (work) =>
      using(async (client) => {
        await client.query('BEGIN');
        try {
          const result = await work(queriesOf(client));
          await client.query('COMMIT');
          return result;
        } catch (error) {
          await client.query('ROLLBACK').catch(() => undefined);
          throw error;
        }
      }),
    close: () => pool.end(),
  };
}

function queriesOf(client: PoolClient): SqlQueries {
  return {
    query: async (text, values = []) => {
      // Bytes go as they are: PostgreSQL takes them as the binary form of a text.
      const { rows } = await client.query<SqlRow[number][], SqlValue[]>({
        text,
        values: [...values],
        rowMode: 'array',
      });
      return rows;
    },
  };
}
