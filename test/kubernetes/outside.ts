import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findNatsServer } from '@leat/nats-server';
import { makeCertificates } from '../support/certificates.ts';
import { type NatsAccount, newAccount } from '../support/nats-account.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { tempDir, type TempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { Daemon } from './daemon.ts';

/** What the overlay for production wants outside of the cluster: a NATS of three servers with TLS and credentials, a database. */
export class Outside implements AsyncDisposable {
  /** The account of the credentials. */
  readonly account: NatsAccount;
  /** The address of each NATS server; all listen on 4222, and tell how they are on 8222. */
  readonly addresses: readonly string[];
  /** For pods, and for this process. */
  readonly databaseUrl: string;
  /** Folder with `leat.creds` and `ca.crt`, as the overlay names them. */
  readonly dir: string;
  readonly #temp: TempDir;
  readonly #servers: readonly Daemon[];
  readonly #postgres: TestPostgres;

  private constructor(
    found: Pick<Outside, 'account' | 'addresses' | 'databaseUrl'>,
    dir: TempDir,
    servers: readonly Daemon[],
    postgres: TestPostgres,
  ) {
    this.account = found.account;
    this.addresses = found.addresses;
    this.databaseUrl = found.databaseUrl;
    this.dir = dir.path;
    this.#temp = dir;
    this.#servers = servers;
    this.#postgres = postgres;
  }

  /**
   * @param name what the servers' certificate is for
   * @param addresses of this machine: for the database, then for each NATS server
   */
  static async start(name: string, [own = '', ...addresses]: readonly string[]): Promise<Outside> {
    const dir = await tempDir();
    // PostgreSQL runs as another user, and reads who may come in.
    await chmod(dir.path, 0o755);
    const rules = join(dir.path, 'pg_hba.conf');
    await writeFile(rules, 'host all all 0.0.0.0/0 trust\n', { mode: 0o644 });
    const postgres = await startPostgres({
      listen_addresses: `127.0.0.1,${own}`,
      hba_file: rules,
    });
    const account = newAccount();
    await makeCertificates(dir.path, { server: `DNS:${name}` });
    const { path } = await findNatsServer();
    const servers: Daemon[] = [];
    for (const [at, address] of addresses.entries()) {
      const routes = addresses.map((each) => `"nats://${each}:6222"`);
      const folder = join(dir.path, `nats-${at}`);
      await mkdir(folder);
      const config = [
        `server_name: nats-${at}`,
        `listen: "${address}:4222"`,
        `http: "${address}:8222"`,
        `jetstream { store_dir: "${folder}", sync_interval: "1s" }`,
        `tls { cert_file: "${dir.path}/server.pem", key_file: "${dir.path}/server.key" }`,
        `cluster { name: outside, listen: "${address}:6222", routes: [${routes.join(', ')}] }`,
        account.config,
      ];
      await writeFile(`${folder}.conf`, config.join('\n'), { mode: 0o600 });
      servers.push(new Daemon(dir.path, `nats-${at}`, [], [path, '-c', `${folder}.conf`]));
    }
    await writeFile(join(dir.path, 'leat.creds'), account.creds, { mode: 0o600 });
    await copyFile(join(dir.path, 'ca.pem'), join(dir.path, 'ca.crt'));
    const databaseUrl = postgres.url.replace('127.0.0.1', own);
    const found = { account, addresses, databaseUrl };
    const outside = new Outside(found, dir, servers, postgres);
    await until('the servers have found each other', async () =>
      (await Promise.all(addresses.map(isHealthy))).every(Boolean),
    ).catch(async (error: unknown) => {
      const said = await Promise.all(servers.map((server) => server.tail()));
      await outside[Symbol.asyncDispose]();
      throw new Error(said.join('\n'), { cause: error });
    });
    return outside;
  }

  /** Ends one of the NATS servers for good, without a word. */
  async killServer(at: number): Promise<void> {
    await this.#servers[at]?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
    await this.#postgres[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }
}

function isHealthy(address: string): Promise<boolean> {
  return fetch(`http://${address}:8222/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
