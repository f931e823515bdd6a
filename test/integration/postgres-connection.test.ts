import { chmod, chown, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import path from 'node:path';
import { LeatError } from '@leat/core';
import { contextOf, newRun, sampleChunks } from '@leat/testing/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import { postgres } from '../../packages/connectors/src/postgres/postgres.ts';
import { makeCertificates } from '../support/certificates.ts';
import { type TestPostgres, startPostgres } from '../support/postgres.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

const NOBODY = 65_534;
const PASSWORD = "p@s:s/w?o#r%d ä漢😀'\\";

let dir: TempDir;
let server: TestPostgres;
let port = '';

beforeAll(async () => {
  dir = await tempDir();
  await chmod(dir.path, 0o755);
  await makeCertificates(dir.path, { server: 'DNS:localhost' });
  const key = path.join(dir.path, 'server.key');
  await chmod(key, 0o600);
  if (process.getuid?.() === 0) await chown(key, NOBODY, NOBODY);
  const hba = path.join(dir.path, 'hba');
  await writeFile(hba, 'hostssl all app all scram-sha-256\nhost all leat all trust\n');
  server = await startPostgres({
    ssl: 'on',
    ssl_cert_file: path.join(dir.path, 'server.pem'),
    ssl_key_file: key,
    hba_file: hba,
  });
  ({ port } = new URL(server.url));
  const database = await openPostgres({ connectionString: server.url }, 1, () => undefined);
  await database.query(`CREATE ROLE app LOGIN PASSWORD '${PASSWORD.replaceAll("'", "''")}'`);
  await database.query('GRANT ALL ON SCHEMA public TO app');
  await database.close();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

const urlOf = (
  params: string,
  { host = 'localhost', user = `app:${encodeURIComponent(PASSWORD)}` } = {},
): string =>
  `postgres://${user}@${host}:${port}/postgres?${params.replace('CA', path.join(dir.path, 'ca.pem'))}`;

async function saved(url: string): Promise<number> {
  const session = await postgres({ url, table: 'people' }).open(contextOf(newRun()));
  try {
    return (await session.commit(sampleChunks(2))).length;
  } finally {
    await session.close();
  }
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => `no failure: ${String(value)}`,
    (error: unknown) => error,
  );

describe('a connection works', () => {
  test.each([
    ['encrypted, to anybody', 'sslmode=require', 'localhost'],
    ['encrypted, to anybody, by the name of the driver', 'sslmode=no-verify', '127.0.0.1'],
    ['of an authority, under another name', 'sslmode=verify-ca&sslrootcert=CA', '127.0.0.1'],
    ['of an authority, under its name', 'sslmode=verify-full&sslrootcert=CA', 'localhost'],
  ])('%s', async (_what, params, host) => {
    expect(await saved(urlOf(params, { host }))).toBe(2);
  });
});

describe('a connection that waiting cannot mend is a sentence', () => {
  test.each<[string, () => string, RegExp]>([
    [
      'no password',
      () => urlOf('sslmode=require', { user: 'app' }),
      /asks for a password, and the sink has none/,
    ],
    [
      'a wrong password',
      () => urlOf('sslmode=require', { user: 'app:wrong' }),
      /password authentication failed for user "app"/,
    ],
    ['no encryption where it is asked for', () => urlOf('sslmode=disable'), /no encryption|pg_hba/],
    [
      'an authority that nobody knows',
      () => urlOf('sslmode=verify-full'),
      /self-signed|unable to verify|certificate/i,
    ],
    [
      'require, with an authority that it is not of',
      () => urlOf(`sslmode=require&sslrootcert=${path.join(dir.path, 'server.pem')}`),
      /certificate/i,
    ],
    [
      'another name than that of the certificate',
      () => urlOf('sslmode=verify-full&sslrootcert=CA', { host: '127.0.0.1' }),
      /127\.0\.0\.1|altnames/,
    ],
    [
      'a file that is no certificate',
      () => urlOf(`sslmode=verify-full&sslrootcert=${path.join(dir.path, 'hba')}`),
      /./,
    ],
    [
      'a key that does not fit',
      () =>
        urlOf(
          `sslmode=require&sslcert=${path.join(dir.path, 'server.pem')}&sslkey=${path.join(dir.path, 'ca.key')}`,
        ),
      /key/i,
    ],
    [
      'a database that is not there',
      () => urlOf('sslmode=require').replace('/postgres?', '/nowhere?'),
      /"nowhere" does not exist/,
    ],
  ])('%s', async (_what, url, sentence) => {
    const error = await failureOf(saved(url()));
    expect(error).toMatchObject({ code: 'sink-unfit', message: expect.stringMatching(sentence) });
    expect(JSON.stringify(error) + String((error as LeatError).stack)).not.toContain('s:s/w');
  });

  test('encryption where the server has none', async () => {
    await using bare = await startPostgres();
    const url = `${bare.url}?sslmode=require`;
    const error = await failureOf(saved(url));
    expect(error).toMatchObject({ code: 'sink-unfit', message: expect.stringMatching(/SSL|TLS/) });
  });
});

describe('what is at the port of the database', () => {
  const listening = async (listener: Server): Promise<string> => {
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    return String((listener.address() as AddressInfo).port);
  };

  test('a server that hangs up is waited for', async () => {
    const hangsUp = createServer((socket) => socket.destroy());
    const url = `postgres://app@127.0.0.1:${await listening(hangsUp)}/db`;
    for (const params of ['', '?sslmode=require']) {
      expect(await failureOf(saved(url + params))).not.toBeInstanceOf(LeatError);
    }
    hangsUp.close();
  });

  test('a server that answers something else is waited for: one that is full does so, too', async () => {
    const web = createServer((socket) => socket.end('E nonsense\n'));
    const url = `postgres://app@127.0.0.1:${await listening(web)}/db?sslmode=require`;
    expect(await failureOf(saved(url))).not.toBeInstanceOf(LeatError);
    web.close();
  });

  test('a name with two addresses and no server has words', async () => {
    const error = await failureOf(saved('postgres://app@localhost:1/db'));
    expect(error).not.toBeInstanceOf(LeatError);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
