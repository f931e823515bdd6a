import { messageOf } from '@leat/core';
import type { RejectedRecord, SinkChunk } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import type { SqlDatabase, SqlQueries, SqlValue } from './sql-database.ts';
import { type Tables, insertReceipts, insertRecords } from './sql-statements.ts';

const LINE_FEED = 0x0a;

/** One line of a chunk. */
interface Line {
  readonly chunk: SinkChunk;
  readonly index: number;
  /** Where it begins and ends in the chunk's body. */
  readonly start: number;
  readonly end: number;
}

/**
 * Whether an error was caused by a record: SQLSTATE classes 22 (data exception), 23 (constraint), 44
 * (check option), 54 (limit exceeded, such as nesting too deep or an index entry too large), and what a
 * trigger raises. Everything else concerns the server or the connection.
 */
export function isDataError(error: unknown): boolean {
  const code = errorCode(error);
  return /^(?:22|23|44|54)...$/.test(code) || code === 'P0001';
}

/**
 * Finds the records that the database refuses. All is tried in a transaction that comes to nothing:
 * the lines are inserted, and where that fails the two halves are tried. What can be inserted stays
 * until the end, so that of two records that exclude each other the first is kept.
 *
 * @param receipts parameters of `insertReceipts`, which tell what was committed before and is not tried
 */
export function findRejected(
  database: SqlDatabase,
  tables: Tables,
  run: string,
  chunks: readonly SinkChunk[],
  receipts: readonly [string, string, string],
): Promise<RejectedRecord[]> {
  return database.transaction(async (tx) => {
    await tx.query('SAVEPOINT everything');
    const rows = await tx.query(insertReceipts(tables), receipts);
    const fresh = new Set(rows.map(([chunk]) => chunk));
    const lines = chunks.filter(({ receipt }) => fresh.delete(receipt.chunk)).flatMap(linesOf);
    const rejected: RejectedRecord[] = [];
    await tryLines(tx, tables, run, lines, rejected);
    await tx.query('ROLLBACK TO SAVEPOINT everything');
    return rejected;
  });
}

async function tryLines(
  tx: SqlQueries,
  tables: Tables,
  run: string,
  lines: readonly Line[],
  rejected: RejectedRecord[],
): Promise<void> {
  const [first] = lines;
  if (first === undefined) return;
  const values = piecesOf(lines);
  await tx.query('SAVEPOINT attempt');
  try {
    await tx.query(insertRecords(tables, values.length / 3, 2), [run, ...values]);
    await tx.query('RELEASE SAVEPOINT attempt');
    return;
  } catch (error) {
    if (!isDataError(error)) throw error;
    await tx.query('ROLLBACK TO SAVEPOINT attempt');
    if (lines.length === 1) {
      const { chunk, index } = first;
      rejected.push({ chunk: chunk.receipt.chunk, index, reason: messageOf(error) });
      return;
    }
  }
  const half = lines.length >> 1;
  await tryLines(tx, tables, run, lines.slice(0, half), rejected);
  await tryLines(tx, tables, run, lines.slice(half), rejected);
}

function linesOf(chunk: SinkChunk): Line[] {
  const { body } = chunk;
  const lines: Line[] = [];
  for (let start = 0; start < body.length;) {
    const end = body.indexOf(LINE_FEED, start) + 1 || body.length;
    lines.push({ chunk, index: lines.length, start, end });
    start = end;
  }
  return lines;
}

/** The values of `insertRecords`: neighbouring lines are one stretch of their chunk's body. */
function piecesOf(lines: readonly Line[]): SqlValue[] {
  const values: SqlValue[] = [];
  for (let from = 0; from < lines.length;) {
    const first = lines[from];
    if (first === undefined) break;
    let to = from;
    let { end } = first;
    for (; lines[to]?.chunk === first.chunk; to++) end = lines[to]?.end ?? end;
    const { receipt, body } = first.chunk;
    values.push(receipt.chunk, first.index, body.subarray(first.start, end));
    from = to;
  }
  return values;
}
