/** What a statement is given. Bytes are text in UTF-8, handed on without decoding where possible. */
export type SqlValue = string | number | Uint8Array;

/** A row as it comes back: every statement of the SQL sinks casts its results to text. */
export type SqlRow = readonly (string | null)[];

export interface SqlQueries {
  readonly query: (text: string, values?: readonly SqlValue[]) => Promise<readonly SqlRow[]>;
}

/**
 * PostgreSQL as the SQL sinks use it, on a server or embedded. Errors carry the SQLSTATE as `code`.
 */
export interface SqlDatabase extends SqlQueries {
  /** Runs `work` in one transaction, which is committed if it resolves and else rolled back. */
  readonly transaction: <Result>(work: (tx: SqlQueries) => Promise<Result>) => Promise<Result>;
  readonly close: () => Promise<void>;
}
