import { expect, test } from 'vitest';
import { checkMonitors } from './monitor.ts';

test.each([
  'http://u:Sekr3t@127.0.0.1:8222',
  'http://u:Sekr3t%40127.0.0.1:8222',
  'http://127.0.0.1:8222/?token=Sekr3t',
  'u:Sekr3t',
  'Sekr3t',
  'nats://127.0.0.1:8222',
])('%s is refused as the address of monitoring, without a secret', (url) => {
  const check = (): void => checkMonitors(['http://127.0.0.1:8222', url]);
  expect(check).toThrow(/must be http:\/\/host:port, without a user, .*; it is /);
  expect(check).not.toThrow(/Sekr3t/);
});

test('an address of monitoring may be behind a path', () => {
  expect(() => checkMonitors(['https://host/nats/', 'http://[::1]:8222'])).not.toThrow();
});
