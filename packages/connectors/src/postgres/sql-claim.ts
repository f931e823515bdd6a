import type { SinkIdentity } from '@leat/core';
import { admitToSink, type SinkContext } from '@leat/sdk';
import type { SqlDatabase, SqlQueries } from './sql-database.ts';
import {
  adoptChecksums,
  adoptFence,
  adoptReceipts,
  hasUnclaimed,
  raiseFence,
  selectClaims,
  selectFence,
  type Tables,
} from './sql-statements.ts';

/** Two runs with one id must not both find that nobody has it. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtext($1::text))::text`;

/** A run's part of the tables, as a session may use it. */
export interface ClaimedTable {
  /** What the sink keeps of the run: see `admitToSink`. */
  readonly claim: string;
  readonly identity: SinkIdentity;
  /** Where its receipts are. */
  readonly tables: Tables;
}

/**
 * Makes a run's part of the tables that of this run, first come first served, and raises its fence. A session
 * that only reads compares and writes nothing.
 *
 * @throws LeatError `sink-taken` if it is that of another run with the same id, by whichever saver
 */
export function claimTable(
  database: SqlDatabase,
  tables: Tables,
  context: SinkContext,
): Promise<ClaimedTable> {
  const { run, stage, fence } = context;
  return database.transaction(async (tx) => {
    await tx.query(LOCK, [`leat ${tables.target} ${run.id}`]);
    // Rows are told apart by the run's id alone, whichever saver wrote them.
    for (const [saver, claim] of await tx.query(selectClaims(tables), [run.id])) {
      admitToSink(claim ?? '', { ...context, stage: saver ?? '' });
    }
    const found = await foundClaim(tx, tables, run.id, stage);
    const { text: claim, mark } = admitToSink(found, context);
    if (fence !== undefined) {
      if (found === '') await adopt(tx, tables, run.id, stage);
      await tx.query(raiseFence(tables), [run.id, stage, fence, claim]);
    }
    // Who only reads takes what an earlier version has written for no table.
    const isAdopted = found !== '' || fence !== undefined;
    const [[name = ''] = []] = await tx.query('SELECT current_database()::text');
    return {
      claim,
      identity: { mark, place: `the table ${tables.records} of the database ${name}` },
      tables: isAdopted ? tables : { ...tables, target: '' },
    };
  });
}

/** The claim of a run and saver; empty if what is there was written by a version that kept none. */
async function foundClaim(
  tx: SqlQueries,
  tables: Tables,
  run: string,
  saver: string,
): Promise<string | undefined> {
  const [known] = await tx.query(selectFence(tables), [run, saver]);
  if (known !== undefined) return known[1] ?? '';
  const [unclaimed] = await tx.query(hasUnclaimed(tables), [run, saver]);
  return unclaimed === undefined ? undefined : '';
}

/** Gives the table those receipts of an earlier version whose records it has, and their fence. */
async function adopt(tx: SqlQueries, tables: Tables, run: string, saver: string): Promise<void> {
  await tx.query(adoptFence(tables), [run, saver]);
  await tx.query(adoptReceipts(tables), [run, saver]);
  await tx.query(adoptChecksums(tables), [run, saver]);
}
