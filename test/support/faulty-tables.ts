import { contextOf, newRun } from '@leat/testing/contracts';
import type { SinkSession } from '@leat/sdk';
import { type ZodType, z } from 'zod';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import { postgres } from '../../packages/connectors/src/postgres/postgres.ts';
import { type TestPostgres, startPostgres } from './postgres.ts';

/** The columns that Leat adds, for a script that makes a table. */
export const KEYS = '_run text NOT NULL, _chunk text NOT NULL, _index integer NOT NULL';

/** A script for a table that takes everything. */
export const PLAIN = `CREATE TABLE @ (${KEYS}, id bigint NOT NULL, name text NOT NULL); GRANT ALL ON @ TO app;`;

/** Records that are written into such tables. */
export const RECORDS: readonly { readonly id: number; readonly name: string }[] = Array.from(
  { length: 10 },
  (_, id) => ({ id, name: `n${id}` }),
);

const SCHEMA = z.object({ id: z.int(), name: z.string() });

/** A script for a trigger before each row, or at another time, in the language of the server. */
export function trigger(body: string, when = 'BEFORE INSERT', each = 'ROW'): string {
  return `CREATE FUNCTION @_check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
   CREATE TRIGGER checked ${when} ON @ FOR EACH ${each} EXECUTE FUNCTION @_check();`;
}

/** What some work throws; `undefined` if it throws nothing. */
export function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** A server with tables that refuse something, filled by a user who is not a superuser. */
export class FaultyTables implements AsyncDisposable {
  readonly server: TestPostgres;
  readonly #sessions: SinkSession[] = [];
  #tables = 0;

  static async start(): Promise<FaultyTables> {
    const site = new FaultyTables(await startPostgres());
    await site.sql('CREATE ROLE app LOGIN; GRANT ALL ON SCHEMA public TO app');
    return site;
  }

  constructor(server: TestPostgres) {
    this.server = server;
  }

  async sql(text: string): Promise<void> {
    const database = await openPostgres({ connectionString: this.server.url }, 1, () => undefined);
    try {
      await database.query(text);
    } finally {
      await database.close();
    }
  }

  /** The name of a table that is not there. */
  newTable(): string {
    return `faults_${this.#tables++}`;
  }

  /** Makes a table by a script, in which `@` is its name. */
  async tableOf(script: string): Promise<string> {
    const table = this.newTable();
    await this.sql(script.replaceAll('@', table));
    return table;
  }

  async open(
    table: string,
    {
      schema = SCHEMA,
      url = this.server.url.replace('leat@', 'app@'),
      run = newRun(),
    }: { readonly schema?: ZodType; readonly url?: string; readonly run?: string } = {},
  ): Promise<SinkSession> {
    const session = await postgres({ url, table }).open(contextOf(run, { schema }));
    this.#sessions.push(session);
    return session;
  }

  /** Closes what was opened, and leaves the server. */
  async closeSessions(): Promise<void> {
    for (const session of this.#sessions.splice(0)) await session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeSessions();
    await this.server[Symbol.asyncDispose]();
  }
}
