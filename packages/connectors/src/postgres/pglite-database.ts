import { existsSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '@leat/process-lock';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import { fromStart } from '@leat/sdk';
import { loadDriver } from '../sink/driver.ts';
import { lockDirectory } from './pglite-lock.ts';
import type { SqlDatabase, SqlQueries, SqlRow } from './sql-database.ts';

/** A database that is open in this process. */
interface Shared {
  readonly opened: Promise<Opened>;
  users: number;
}

interface Opened {
  readonly db: PGlite;
  readonly close: () => Promise<void>;
}

const shared = new Map<string, Shared>();
/** Closings under way, which the next opening of the same directory waits for. */
const closing = new Map<string, Promise<void>>();

/**
 * Opens the database in a directory. All who open the same one share an instance, which is closed with
 * the last of them.
 *
 * @throws LeatError `sink-unfit` if another process has it open
 */
export async function openPglite(directory: string): Promise<SqlDatabase> {
  const dir = path.resolve(fromStart(directory));
  let entry = shared.get(dir);
  if (entry === undefined) {
    entry = { opened: openInstance(dir), users: 0 };
    shared.set(dir, entry);
  }
  const mine = entry;
  mine.users++;
  let isOpen = true;
  const release = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    if (--mine.users > 0) return;
    shared.delete(dir);
    const closed = mine.opened.then(
      ({ close }) => close(),
      () => undefined,
    );
    closing.set(dir, closed);
    await closed.finally(() => closing.delete(dir));
  };
  try {
    const { db } = await mine.opened;
    return databaseOf(db, release);
  } catch (error) {
    await release();
    throw error;
  }
}

/** Whether there is a database in a directory. */
export function isDatabase(directory: string): boolean {
  return existsSync(path.join(fromStart(directory), 'PG_VERSION'));
}

async function openInstance(dir: string): Promise<Opened> {
  await closing.get(dir);
  await makeDirectory(path.dirname(dir));
  const unlock = await lockDirectory(dir);
  try {
    // Loaded only when used: it is some megabytes of WebAssembly.
    const { PGlite: Instance } = await loadDriver(
      '@electric-sql/pglite',
      () => import('@electric-sql/pglite'),
    );
    const db = await Instance.create(dir);
    const close = async (): Promise<void> => {
      try {
        await db.close();
      } finally {
        await unlock();
      }
    };
    return { db, close };
  } catch (error) {
    await unlock();
    throw error;
  }
}

function databaseOf(db: PGlite, close: () => Promise<void>): SqlDatabase {
  return {
    ...queriesOf(db),
    transaction: (work) => db.transaction((tx) => work(queriesOf(tx))),
    close,
  };
}

function queriesOf(db: PGlite | Transaction): SqlQueries {
  return {
    query: async (text, values = []) => {
      const given = values.map((value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString() : value,
      );
      const { rows } = await db.query<SqlRow>(text, given, { rowMode: 'array' });
      return rows;
    },
  };
}
