import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { Sink } from '@leat/sdk';
import { lockDirectory } from './pglite-lock.ts';
import type { SqlDatabase, SqlQueries, SqlRow } from './sql-database.ts';
import { openSqlSession } from './sql-sink.ts';

/** Where {@link pglite} keeps its database and which table it fills. */
export interface PgliteOptions {
  /** The directory of the database; created if absent. Relative to the working directory. */
  readonly dir: string;
  readonly table: string;
  /** @defaultValue `public` */
  readonly schema?: string;
}

/**
 * The sink {@link postgres} without a server, for development and tests: PGlite is PostgreSQL itself,
 * compiled to WebAssembly, in this process.
 *
 * Why not SQLite: it speaks another SQL, so that what works here would not prove that the real sink
 * works, and on Node 20 it needs a native module to be compiled. PGlite runs the very statements of
 * `postgres`. It is slower, and only one process can have a directory open; that is a clear error.
 *
 * @example
 * ```ts
 * const people = saver({ from: adults, sink: pglite({ dir: '.leat/db', table: 'people' }) });
 * ```
 */
export function pglite(options: PgliteOptions): Sink {
  return {
    kind: 'pglite',
    open: (context) =>
      openSqlSession(context, options, () => openShared(path.resolve(options.dir))),
  };
}

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

/** All sessions on one directory use one instance, which is closed with the last of them. */
async function openShared(dir: string): Promise<SqlDatabase> {
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

async function openInstance(dir: string): Promise<Opened> {
  await closing.get(dir);
  await mkdir(path.dirname(dir), { recursive: true });
  const unlock = await lockDirectory(dir);
  try {
    // Loaded only when used: it is some megabytes of WebAssembly.
    const { PGlite: Instance } = await import('@electric-sql/pglite');
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
