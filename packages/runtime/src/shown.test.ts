import { describe, expect, test } from 'vitest';
import { isKey, shownAddress, shownSetting } from './shown.ts';

const SEED = 'SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4';
const JWT = 'eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.c2ln';

describe('an address', () => {
  test.each([
    'nats://127.0.0.1:4222',
    'tls://[::1]:4222',
    'http://collector:4318/',
    'ftp://a',
    'nats://büro_2.example',
  ])('%s is shown', (address) => {
    expect(shownAddress(address)).toBe(JSON.stringify(address));
  });

  test.each([
    'nats://u:Sekr3t@h:4222',
    'nats://u:Sekr3t%40127.0.0.1:4222',
    'nats://Sekr3t%40h',
    'nats://u:Sekr3t',
    'u:Sekr3t',
    'Sekr3t',
    'http://h/?key=Sekr3t',
    'http://h/Sekr3t',
    'http://h#Sekr3t',
    'http://h\nSekr3t',
    'http://Sekr3t h',
    '://Sekr3t',
    '',
  ])('%j is not shown', (address) => {
    expect(shownAddress(address)).toMatch(/^something that is not shown/);
  });
});

describe('a setting', () => {
  test.each([SEED, ` ${SEED}`, SEED.slice(0, 40), JWT, '-----BEGIN USER NKEY SEED-----', 'a\nb'])(
    '%j looks like a key, and is not shown',
    (text) => {
      expect(isKey(text)).toBe(true);
      expect(shownSetting(text)).toMatch(/^something that is not shown/);
    },
  );

  test.each(['/run/secrets/app.creds', './SUPPORT/key.nk', 'C:\\keys\\user.nk', '-', 'a:b', ''])(
    '%j is shown',
    (text) => {
      expect(isKey(text)).toBe(false);
      expect(shownSetting(text)).toBe(JSON.stringify(text));
    },
  );

  test('with an @ is not shown, though it may be a path', () => {
    expect(shownSetting('u:p@h')).not.toContain('p@h');
    expect(isKey('/home/me@work/nats.creds')).toBe(false);
  });
});
