import { fromStart, type Sink } from '@leat/sdk';
import { checkPath } from '../sink/check-path.ts';
import { emptySession } from '../sink/empty-session.ts';
import { isDatabase, openPglite } from './pglite-database.ts';
import { checkTableName, openSqlSession } from './sql-sink.ts';

/** Where {@link pglite} keeps its database and which table it fills. */
export interface PgliteOptions {
  /** The directory of the database; created if absent. Relative to where the process was started. */
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
 * const people = saver('people', { from: adults, sink: pglite({ dir: '.leat/db', table: 'people' }) });
 * ```
 */
export function pglite(options: PgliteOptions): Sink {
  checkTableName(options);
  checkPath('pglite', 'dir', options.dir);
  return {
    kind: 'pglite',
    open: async (context) => {
      const isReader = context.fence === undefined;
      if (isReader && !isDatabase(options.dir)) {
        return emptySession(context, `the database ${fromStart(options.dir)}, which is not there`);
      }
      return openSqlSession(context, options, () => openPglite(options.dir));
    },
  };
}
