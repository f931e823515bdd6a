import * as fc from 'fast-check';
import { LeatError } from '@leat/core';
import { describe, expect, test } from 'vitest';
import { accessOf, addressOf } from './settings.ts';

const secret = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 4, maxLength: 16 }),
    fc.string({
      unit: fc.constantFrom(...Array.from('ab12@:/?#%&=,[] \\\t\nä漢😀')),
      minLength: 4,
      maxLength: 12,
    }),
  )
  // No word that a sentence may have.
  .map((text) => `Zq${text}`);

describe('the address of NATS', () => {
  test('brings in the user that it names, whatever their characters, and shows none', () => {
    fc.assert(
      fc.property(secret, secret, (user, password) => {
        const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
        const url = `nats://${login}@one:4222, tls://${login}@two/`;
        expect(accessOf({ url })).toEqual({
          servers: ['nats://one:4222', 'tls://two'],
          isTlsWanted: true,
          user,
          password,
        });
        expect(addressOf({ url })).toBe('nats://one:4222,tls://two');
      }),
    );
  });

  test('is used as it stands, or refused without a word of the password', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom('', ',other:4222'), (password, other) => {
        const url = `nats://app:${password}@host:4222${other}`;
        expect(addressOf({ url })).not.toContain(password);
        try {
          const { user, password: found, servers } = accessOf({ url });
          expect({ user, servers }).toEqual({ user: 'app', servers: ['nats://host:4222'] });
          expect([password, decodeURIComponent(password)]).toContain(found);
        } catch (error) {
          if (!(error instanceof LeatError)) throw error;
          expect(error.code).toBe('invalid-configuration');
          expect(error.message).not.toContain(password);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, object]>([
    ['host', { servers: ['nats://host'] }],
    ['host:1, NATS://other_host:2', { servers: ['nats://host:1', 'nats://other_host:2'] }],
    ['tls://[::1]:4222', { servers: ['tls://[::1]:4222'], isTlsWanted: true }],
    ['nats://s3cr%20t@host', { servers: ['nats://host'], token: 's3cr t' }],
    ['nats://app:@host', { servers: ['nats://host'], user: 'app', password: '' }],
    ['nats://@host', { servers: ['nats://host'] }],
  ])('%s', (url, access) => {
    expect(accessOf({ url })).toEqual({ isTlsWanted: false, ...access });
  });

  test.each([
    '',
    'nats://',
    'nats://host:99999',
    'nats://host:0',
    'nats://host:port',
    'http://host',
    'nats://one,,two',
    'nats://host/path',
    'nats://app:sec/ret@host',
    'nats://app:sec,ret@host',
    'nats://app:12,ret@host',
    'nats://app:sec%ret@host',
    'nats://app:secret@one,two',
    'nats://app:secret',
    'app:secret',
    'nats://app:secret%40host:4222',
    'nats://secret%40host',
  ])('%j is refused', (url) => {
    expect(() => accessOf({ url })).toThrow(
      /^The NATS address, which is not shown, is not valid: .* Set --nats/,
    );
    expect(() => accessOf({ url })).not.toThrow(/ret|:12/);
  });

  test.each([
    [{ user: 'a', password: 'b' }, 'NATS_USER and NATS_PASSWORD'],
    [{ password: 'b' }, 'NATS_USER and NATS_PASSWORD'],
    [{ token: 't' }, 'NATS_TOKEN'],
    [{ credsFile: 'f' }, 'NATS_CREDS'],
    [{ nkeyFile: 'f' }, 'NATS_NKEY'],
  ])('with credentials is refused beside %j', (other, place) => {
    const access = (): unknown => accessOf({ url: 'nats://app:secret@host', ...other });
    expect(access).toThrow(
      `The credentials for NATS at nats://host are given in several places: the address (NATS_URL); ${place}.`,
    );
  });

  test.each([
    [{ user: 'a', password: 'b', token: 't' }, 'NATS_USER and NATS_PASSWORD; NATS_TOKEN.'],
    [{ token: 't', credsFile: 'f', nkeyFile: 'g' }, 'NATS_TOKEN; NATS_CREDS; NATS_NKEY.'],
  ])('without credentials does not take several others: %j', (others, places) => {
    expect(() => accessOf({ url: 'host', ...others })).toThrow(`several places: ${places}`);
  });
});
