import { expect, test } from 'vitest';
import { packageVersions } from './debian.ts';

test('packageVersions() gives the versions of the table once each, newest first', () => {
  const table = [
    'nats-server | 2.10.27-1+b2 | http://mirror.example/debian stable/main amd64 Packages',
    'nats-server | 1:2.15.1-1 | http://mirror.example/debian unstable/main amd64 Packages',
    'nats-server | 2.10.27-1+b2 | http://other.example/debian stable/main amd64 Packages',
    'nats-server | 2.9.10+dfsg-2 | http://mirror.example/debian oldstable/main amd64 Packages',
    'nats-server | git20240101 | http://mirror.example/debian odd/main amd64 Packages',
    '',
  ].join('\n');
  expect(packageVersions(table)).toEqual([
    { full: '1:2.15.1-1', version: '2.15.1' },
    { full: '2.10.27-1+b2', version: '2.10.27' },
    { full: '2.9.10+dfsg-2', version: '2.9.10' },
  ]);
});
