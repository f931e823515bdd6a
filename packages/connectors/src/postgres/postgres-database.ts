import type { PoolClient, PoolConfig } from 'pg';
import { loadDriver } from '../sink/driver.ts';
import { sqlState } from './sql-fault.ts';
import type { SqlDatabase, SqlQueries, SqlRow, SqlValue } from './sql-database.ts';

const CONNECT_TIMEOUT_MS = 10_000; // 10s, then "not now"
/** For a server that vanished without a word. Long, because a commit may rightly wait for a lock. */
const QUERY_TIMEOUT_MS = 300_000; // 5min

/**
 * Opens a pool of connections. It connects when a query needs it, and again after a connection was lost.
 *
 * @param connection where; libpq's environment variables count for what is absent
 * @param onLost told when a connection breaks that nobody uses
 */
export async function openPostgres(
  connection: PoolConfig,
  poolSize: number,
  onLost: (error: Error) => void,
): Promise<SqlDatabase> {
  const { Pool } = await loadDriver('pg', () => import('pg'));
  const pool = new Pool({
    ...connection,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: connection.application_name ?? 'leat-saver',
  });
  pool.on('error', onLost);
  // A role may say otherwise: doubles are compared by their text, which must have all their digits. 3 is the most;
  // from PostgreSQL 12 on anything above 0 is as good.
  pool.on('connect', (client) => {
    client.query('SET extra_float_digits = 3').catch(() => undefined);
  });

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
      if (!/^(?!57P|08)[0-9A-Z]{5}$/.test(sqlState(error))) {
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
