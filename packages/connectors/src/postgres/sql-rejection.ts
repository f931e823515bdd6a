import { LeatError } from '@leat/core';
import type { RejectedRecord, SinkChunk } from '@leat/sdk';
import { insertReceipts, lookLater, tryRecords } from './sql-commit.ts';
import type { SqlDatabase, SqlQueries, SqlValue } from './sql-database.ts';
import { isAway, isTimeout, reasonOf, sqlState, unfitDatabase } from './sql-fault.ts';
import type { Tables } from './sql-statements.ts';

const LINE_FEED = 0x0a;

/** One line of a chunk. */
interface Line {
  readonly chunk: SinkChunk;
  readonly index: number;
  /** Where it begins and ends in the chunk's body. */
  readonly start: number;
  readonly end: number;
}

/** Why the database does not take some lines. */
interface Failure {
  readonly reason: string;
  readonly cause?: unknown;
}

/** A line that it does not take by itself. */
interface Refused extends Failure {
  readonly line: Line;
}

type Attempt = (lines: readonly Line[]) => Promise<Failure | undefined>;

/** A trial of records that are too slow goes on for so long. What it has not looked at by then is tried the next time. */
const MAX_SLOW_MS = 200_000;

/** What came of a trial. */
export interface Trial {
  /** Whether everything together was taken this time. */
  readonly isTaken: boolean;
  readonly rejected: readonly RejectedRecord[];
}

/** Parameters of `insertReceipts`, which say what was committed before and is not tried. */
type Receipts = readonly [run: string, saver: string, receipts: string];

/**
 * Decides by trying whose fault it is that a commit failed: that of records, or of the table and the settings.
 * First the empty commit is tried, see {@link tryEmpty}. Then lines are inserted, and where that fails the two
 * halves are tried. What can be inserted stays until the end, so that of two records that exclude each other the
 * first is kept; what was refused is tried again after the others, which it may need. A chunk that is refused
 * although each of its lines is taken is rejected as a whole.
 *
 * @param slow the error of a statement that took too long for the server, if that is to be the fault of records. It is
 *   the fault of those that take too long alone, where others do not.
 * @throws the error `slow` if all records are, or if none was found in time
 * @throws LeatError `sink-unfit` if not even an empty commit works, or if the run has no permission for any record
 * @throws whatever says that the database is away
 */
export function tryOut(
  database: SqlDatabase,
  tables: Tables,
  chunks: readonly SinkChunk[],
  receipts: Receipts,
  slow?: unknown,
): Promise<Trial> {
  const [run, saver] = receipts;
  const began = performance.now();
  let taken = 0;
  return inTrial(database, tables, [run, saver], async (tx) => {
    const rows = await tx.query(insertReceipts(tables), receipts);
    const fresh = new Set(rows.map(([chunk]) => chunk));
    const some = chunks.filter(({ receipt }) => fresh.delete(receipt.chunk));
    const lines = some.flatMap(linesOf);
    const attempt: Attempt = async (each) => {
      if (slow !== undefined && performance.now() - began > MAX_SLOW_MS) return undefined;
      const found = await tryLines(tx, tables, [run, saver], each, slow !== undefined);
      if (found === undefined) taken += each.length;
      return found;
    };
    const failure = await attempt(lines);
    if (failure === undefined) return { isTaken: true, rejected: [] };
    let refused = await bisect(lines, attempt, failure);
    if (slow !== undefined && (refused.length === 0 || (taken === 0 && lines.length > 1)))
      throw slow;
    // What is slow is so the next time, too.
    let before = slow === undefined ? lines.length : 0;
    while (refused.length > 0 && refused.length < before) {
      before = refused.length;
      const again = refused.map(({ line }) => line);
      refused = await bisect(again, attempt, await attempt(again));
    }
    if (refused.length === 0 && some.length === 1) {
      refused = lines.map((line) => ({ line, ...failure }));
    } else if (isOfPermission(refused, lines) && !(await hasRecords(tx, tables, run))) {
      throw unfitDatabase(tables.target, refused[0]?.cause);
    }
    return { isTaken: false, rejected: refused.map(rejectedOf) };
  });
}

/**
 * Tries a commit of nothing: without it, nothing can be committed.
 *
 * @throws LeatError `sink-unfit` if it does not work, and waiting will not mend it
 */
export function tryEmpty(
  database: SqlDatabase,
  tables: Tables,
  run: string,
  saver: string,
): Promise<void> {
  return inTrial(database, tables, [run, saver], async (tx) => {
    await tx.query(insertReceipts(tables), [run, saver, '[]']);
  });
}

/**
 * Works in a transaction that comes to nothing, with deferred constraints checked at once, after an insertion of
 * no record has worked.
 */
async function inTrial<Result>(
  database: SqlDatabase,
  tables: Tables,
  whose: readonly [run: string, saver: string],
  work: (tx: SqlQueries) => Promise<Result>,
): Promise<Result> {
  try {
    return await database.transaction(async (tx) => {
      await tx.query('SET CONSTRAINTS ALL IMMEDIATE');
      await tx.query('SAVEPOINT everything');
      await tx.query(tryRecords(tables, 1), [...whose, '', 0, '']);
      const result = await work(tx);
      await tx.query('ROLLBACK TO SAVEPOINT everything');
      return result;
    });
  } catch (error) {
    // An internal error (XX) without a record, as while a table is being altered, says nothing for ever.
    if (error instanceof LeatError || isAway(error) || sqlState(error).startsWith('XX'))
      throw error;
    throw unfitDatabase(tables.target, error);
  }
}

async function tryLines(
  tx: SqlQueries,
  tables: Tables,
  whose: readonly [run: string, saver: string],
  lines: readonly Line[],
  isSlownessFault: boolean,
): Promise<Failure | undefined> {
  if (lines.length === 0) return undefined;
  const values = piecesOf(lines);
  await tx.query('SAVEPOINT attempt');
  let failure: Failure;
  try {
    const pieces = values.length / 3;
    const [other] = [
      ...(await tx.query(tryRecords(tables, pieces), [...whose, ...values])),
      // Its triggers may have run since.
      ...(await tx.query(lookLater(tables, pieces), [whose[0], ...values])),
    ];
    if (other === undefined) {
      await tx.query('RELEASE SAVEPOINT attempt');
      return undefined;
    }
    failure = { reason: other[0] ?? '' };
  } catch (cause) {
    if (isAway(cause) && !(isSlownessFault && isTimeout(cause))) throw cause;
    failure = { reason: reasonOf(cause), cause };
  }
  await tx.query('ROLLBACK TO SAVEPOINT attempt');
  return failure;
}

/** The lines that are not taken, each by itself, of some that are not taken together. */
async function bisect(
  lines: readonly Line[],
  attempt: Attempt,
  failure: Failure | undefined,
): Promise<Refused[]> {
  const [line] = lines;
  if (failure === undefined || line === undefined) return [];
  if (lines.length === 1) return [{ line, ...failure }];
  const refused: Refused[] = [];
  const half = lines.length >> 1;
  for (const part of [lines.slice(0, half), lines.slice(half)]) {
    refused.push(...(await bisect(part, attempt, await attempt(part))));
  }
  return refused;
}

/** Whether several lines were tried, and each met an error of class 42: a permission, or a name that is not there. */
function isOfPermission(refused: readonly Refused[], lines: readonly Line[]): boolean {
  if (lines.length < 2 || refused.length < lines.length) return false;
  return refused.every(({ cause }) => sqlState(cause).startsWith('42'));
}

/** Whether the table has taken any record of the run. */
async function hasRecords(tx: SqlQueries, { records }: Tables, run: string): Promise<boolean> {
  const found = await tx.query(`SELECT '' FROM ${records} WHERE _run = $1::text LIMIT 1`, [run]);
  return found.length > 0;
}

function rejectedOf({ line: { chunk, index }, reason }: Refused): RejectedRecord {
  return { chunk: chunk.receipt.chunk, index, reason };
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

/** The values of `tryRecords`: neighbouring lines are one stretch of their chunk's body. */
function piecesOf(lines: readonly Line[]): SqlValue[] {
  const values: SqlValue[] = [];
  for (let from = 0; from < lines.length;) {
    const first = lines[from];
    if (first === undefined) break;
    let to = from;
    let { end, index } = first;
    for (; lines[to]?.chunk === first.chunk && lines[to]?.index === index; to++, index++) {
      end = lines[to]?.end ?? end;
    }
    const { receipt, body } = first.chunk;
    values.push(receipt.chunk, first.index, body.subarray(first.start, end));
    from = to;
  }
  return values;
}
