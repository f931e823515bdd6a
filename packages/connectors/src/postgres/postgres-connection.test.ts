import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { assert, constantFrom, oneof, property, string } from 'fast-check';
import { LeatError } from '@leat/core';
import { describe, expect, test } from 'vitest';
import { tempDir } from '../../../../test/support/temp-dir.ts';
import { connectionOf } from './postgres-connection.ts';

const refusalOf = (options: { readonly url?: string | undefined }, env = {}): string => {
  try {
    return `not refused: ${JSON.stringify(connectionOf(options, env))}`;
  } catch (error) {
    if (error instanceof LeatError && error.code === 'sink-unfit') return error.message;
    throw error;
  }
};
const HOSTILE = Array.from('ab1@:/?#%&=[] \\\t\nä漢😀');
const text = string({ unit: 'grapheme', minLength: 4, maxLength: 20 });

describe('the connection of a URL', () => {
  test('has the user, password and database that it names, whatever their characters', () => {
    assert(
      property(text, text, text, (user, password, database) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        const connection = connectionOf({ url: `postgres://${u}:${p}@host:5433/${d}` }, {});
        expect(connection).toEqual({
          user,
          password,
          host: 'host',
          port: 5433,
          database,
          ssl: false,
        });
      }),
    );
  });

  test('uses a password that is not encoded, or refuses it without a word of it', () => {
    const hostile = string({
      unit: constantFrom(...HOSTILE),
      minLength: 4,
      maxLength: 12,
    });
    assert(
      property(oneof(hostile, text), (password) => {
        try {
          const found = connectionOf({ url: `postgres://app:${password}@host/db` }, {});
          expect(found).toMatchObject({ user: 'app', host: 'host', database: 'db' });
          expect([password, decodeURIComponent(password)]).toContain(found.password);
        } catch (error) {
          if (!(error instanceof LeatError)) throw error;
          expect(error).toMatchObject({ code: 'sink-unfit' });
          expect(error.message).not.toContain(password);
          expect(error.cause).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, object]>([
    ['postgresql://host', { host: 'host' }],
    ['postgres://app@/db', { user: 'app', database: 'db' }],
    ['postgres:///db?host=/run/postgresql', { host: '/run/postgresql', database: 'db' }],
    ['postgres://%2Frun%2Fpg/db', { host: '/run/pg', database: 'db' }],
    ['postgres://[::1]:6000/db', { host: '::1', port: 6000, database: 'db' }],
    [
      'postgres://host/db?user=app@tenant&password=p&application_name=x&options=-c%20a=b',
      {
        host: 'host',
        database: 'db',
        user: 'app@tenant',
        password: 'p',
        application_name: 'x',
        options: '-c a=b',
      },
    ],
    ['  postgres://host/db\n', { host: 'host', database: 'db' }],
  ])('%s', (url, expected) => {
    expect(connectionOf({ url }, {})).toEqual({ ...expected, ssl: false });
  });

  test.each<[string, RegExp]>([
    ['postgres://app:pa/ss@host/db', /cannot be read|too early/],
    ['postgres://app:12/ss@host/db', /too early/],
    ['postgres://app:12?ss@host/db', /too early/],
    ['postgres://app:12#ss@host/db', /too early/],
    ['postgres://app:p%ss@host/db', /percent-encoded|%25/],
    ['postgres://app:%E4@host/db', /%25/],
    ['postgres://host:0/db', /port/],
    ['postgres://host:99999/db', /cannot be read/],
    ['postgres://host:54x2/db', /cannot be read/],
    ['postgres://one,two/db', /several hosts/],
    ['postgres://host/db?passfile=/x', /passfile/],
    ['host=db user=app password=ss', /does not begin with postgres/],
    ['mysql://app:ss@host/db', /does not begin with postgres/],
    ['postgres:/host/db', /does not begin with postgres/],
    ['nonsense', /does not begin with postgres/],
  ])('%s is refused', (url, sentence) => {
    const refusal = refusalOf({ url });
    expect(refusal).toMatch(
      /^The option "url" of the sink is not valid: .* should be postgres:\/\/user:password/,
    );
    expect(refusal).toMatch(sentence);
    expect(refusal).not.toContain('ss@');
    expect(refusalOf({}, { DATABASE_URL: url })).toMatch(/^The variable DATABASE_URL is not valid/);
  });
});

describe('without a URL', () => {
  test.each<[string, object, object, RegExp]>([
    ['nothing', {}, {}, /^Nothing says where .*"url".*DATABASE_URL.*PGHOST/],
    ['an empty variable', {}, { DATABASE_URL: '' }, /^Nothing says where/],
    ['a password alone', {}, { PGPASSWORD: 'x' }, /^Nothing says where/],
    [
      'an option from a variable that is not set',
      { url: undefined },
      { DATABASE_URL: 'postgres://host/db' },
      /is undefined/,
    ],
    [
      'an option from a variable that is empty',
      { url: '' },
      { DATABASE_URL: 'postgres://host/db' },
      /is empty/,
    ],
    ['a port that is no number', {}, { PGHOST: 'host', PGPORT: '54x2' }, /PGPORT/],
    ['a service', {}, { PGHOST: 'host', PGSERVICE: 'x' }, /PGSERVICE/],
  ])('%s is refused', (_what, options, env, sentence) => {
    expect(refusalOf(options, env)).toMatch(sentence);
  });

  test("libpq's variables count", () => {
    expect(connectionOf({}, { PGHOST: 'host' })).toEqual({ ssl: false });
    expect(connectionOf({}, { PGHOST: 'host', PGSSLMODE: 'require' })).toMatchObject({
      ssl: { rejectUnauthorized: false },
    });
  });
});

describe('the modes of TLS', () => {
  test.each<[string, object | false]>([
    ['', false],
    ['sslmode=disable', false],
    ['ssl=0', false],
    ['sslmode=require', { rejectUnauthorized: false, checkServerIdentity: expect.any(Function) }],
    ['sslmode=no-verify', { rejectUnauthorized: false, checkServerIdentity: expect.any(Function) }],
    ['sslmode=verify-full', { rejectUnauthorized: true }],
    ['ssl=true', { rejectUnauthorized: true }],
    [
      'ssl=true&sslmode=require',
      { rejectUnauthorized: false, checkServerIdentity: expect.any(Function) },
    ],
    ['sslmode=verify-full&sslrootcert=system', { rejectUnauthorized: true }],
    ['sslrootcert=ROOT', { ca: 'authority', rejectUnauthorized: true }],
    [
      'sslmode=require&sslrootcert=ROOT',
      { ca: 'authority', rejectUnauthorized: true, checkServerIdentity: expect.any(Function) },
    ],
    [
      'sslmode=verify-ca&sslrootcert=ROOT',
      { ca: 'authority', rejectUnauthorized: true, checkServerIdentity: expect.any(Function) },
    ],
    [
      'sslmode=verify-full&sslcert=ROOT&sslkey=ROOT&sslpassword=x',
      { cert: 'authority', key: 'authority', passphrase: 'x', rejectUnauthorized: true },
    ],
  ])('%s', async (params, ssl) => {
    await using dir = await tempDir();
    const root = path.join(dir.path, 'root.pem');
    await writeFile(root, 'authority');
    const url = `postgres://host/db?${params.replaceAll('ROOT', root)}`;
    expect(connectionOf({ url }, {}).ssl).toEqual(ssl);
  });

  test.each<[string, RegExp]>([
    ['sslmode=prefer', /leave it to the server/],
    ['sslmode=allow', /leave it to the server/],
    ['sslmode=verify_full', /should be one of disable, require, verify-ca, verify-full/],
    ['sslmode=verify-ca', /needs sslrootcert/],
    ['sslmode=verify-full&sslrootcert=/nowhere/ca.pem', /\/nowhere\/ca\.pem/],
    ['sslmode=require&sslcrl=x', /sslcrl/],
  ])('%s is refused', (params, sentence) => {
    expect(refusalOf({ url: `postgres://app:ss@host/db?${params}` })).toMatch(sentence);
  });
});
