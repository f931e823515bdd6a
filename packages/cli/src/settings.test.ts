import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings, SETTINGS } from './settings.ts';

test('the version of the code is what the operator calls it, and nothing where he says nothing', () => {
  expect(readSettings({ 'code-version': 'v1-2_3' }, {}).codeVersion).toBe('v1-2_3');
  expect(readSettings({}, { LEAT_CODE_VERSION: 'sha-0123abc' }).codeVersion).toBe('sha-0123abc');
  expect(readSettings({}, { LEAT_CODE_VERSION: '' }).codeVersion).toBeUndefined();
});

test.each(['1.2.3', 'a b', 'é', '*', '>', 'x'.repeat(65)])(
  'the version %j is refused: it is a part of a key',
  (version) => {
    expect(() => readSettings({ 'code-version': version }, {})).toThrow(
      '--code-version (LEAT_CODE_VERSION) must be 1 to 64 letters, digits, - or _',
    );
  },
);

test.each(['ack-wait-ms', 'stop-grace-ms'])('--%s is no longer than a timer can wait', (flag) => {
  expect(() => readSettings({ [flag]: '2147483648' }, {})).toThrow(
    'must be at most 2147483647 (24 days, in milliseconds); it is "2147483648".',
  );
  expect(() => readSettings({ [flag]: '2147483647' }, {})).not.toThrow();
});

test.each(['ftp://me:s3cret@host', 'http://me:s3cret%40host:4318', 'me:s3cret'])(
  'the address %s is refused without a word of its password',
  (address) => {
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: address };
    expect(() => readSettings({}, variables)).toThrow(/must be an address .* is something that is/);
    expect(() => readSettings({}, variables)).not.toThrow(/s3cret/);
  },
);

describe('a setting', () => {
  test('is taken from its flag, then from its variable, then from its default', () => {
    const variables = { LEAT_STATE_DIR: 'by-variable' };
    expect(readSettings({ 'state-dir': 'by-flag' }, variables).stateDir).toBe(resolve('by-flag'));
    expect(readSettings({}, variables).stateDir).toBe(resolve('by-variable'));
    expect(readSettings({}, { LEAT_STATE_DIR: '' }).stateDir).toBe(resolve('.leat'));
  });

  test('that is a number is read from text', () => {
    const settings = readSettings({ 'http-port': '0' }, { LEAT_ACK_WAIT_MS: '500' });
    expect(settings).toMatchObject({ httpPort: 0, topology: { ackWaitMs: 500 } });
  });

  test('of which nothing is said is not there', () => {
    const { nats, isNatsGiven, stopGraceMs } = readSettings({}, { NATS_USER: 'u' });
    expect(nats).toEqual({ url: SETTINGS.url.fallback, user: 'u' });
    expect({ isNatsGiven, stopGraceMs }).toEqual({ isNatsGiven: false, stopGraceMs: undefined });
    expect(readSettings({ nats: 'nats://a' }, {}).isNatsGiven).toBe(true);
  });

  test.each([
    ['queue-max-chunks', 'LEAT_QUEUE_MAX_CHUNKS', '0', 'a whole number from 1'],
    ['queue-max-bytes', 'LEAT_QUEUE_MAX_BYTES', '1.5', 'a whole number from 1'],
    ['stop-grace-ms', 'LEAT_STOP_GRACE_MS', 'soon', 'a whole number from 1'],
    ['stream-replicas', 'LEAT_STREAM_REPLICAS', ' ', 'a whole number from 1'],
    ['http-port', 'LEAT_HTTP_PORT', '65536', 'a port from 0 to 65535'],
    ['http-port', 'LEAT_HTTP_PORT', '1e3', 'a port from 0 to 65535'],
    ['http-host', 'LEAT_HTTP_HOST', ' ', 'an address or a host name'],
    ['log-format', 'LEAT_LOG_FORMAT', 'xml', 'one of console, json'],
    ['log-level', 'LEAT_LOG_LEVEL', 'loud', 'one of debug, info, warn, error, silent'],
    [
      'otlp-endpoint',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'ftp://a',
      'an address that begins with http:// or https://',
    ],
  ])('--%s that cannot be right is refused with its variable, %s', (flag, variable, text, must) => {
    const sentence = `--${flag} (${variable}) must be ${must}; it is ${JSON.stringify(text)}.`;
    expect(() => readSettings({ [flag]: text }, {})).toThrow(sentence);
    expect(() => readSettings({}, { [variable]: text })).toThrow(sentence);
  });

  test('that is a list is given by a repeated flag, or by a variable with commas', () => {
    const variables = { LEAT_SIGNING_KEY: 'c:z,d:w' };
    expect(readSettings({ 'signing-key': ['a:x', 'b:y'] }, variables).signingKeys).toEqual([
      'a:x',
      'b:y',
    ]);
    expect(readSettings({}, variables).signingKeys).toEqual(['c:z', 'd:w']);
    expect(readSettings({}, {}).signingKeys).toEqual([]);
  });

  test('has a flag and a variable of its own', () => {
    const rows = Object.values(SETTINGS);
    expect(new Set(rows.map(({ flag }) => flag)).size).toBe(rows.length);
    expect(new Set(rows.map(({ variable }) => variable)).size).toBe(rows.length);
  });
});
