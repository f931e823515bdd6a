import { describe, expect, test } from 'vitest';
import { losesReplicatedQueues, OLDEST_SERVER, whyTooOld } from './server-version.ts';

describe('whyTooOld', () => {
  test.each([OLDEST_SERVER, '2.10.28', '2.11.0', '2.12.1-RC.1', '3.0.0', '2.15.2'])(
    'lets %s pass',
    (version) => expect(whyTooOld(version)).toBeUndefined(),
  );

  test.each(['2.9.10', '2.10.19', '2.10.23', '2.10.26', '1.4.1', '2', ''])(
    'refuses %j',
    (version) => expect(whyTooOld(version)).toBe(`version ${version} is older than 2.10.27`),
  );

  test.each(['2.10.20', '2.10.21', '2.10.22'])('knows what a crash of %s does', (version) =>
    expect(whyTooOld(version)).toMatch(/loses acknowledged messages when it crashes/),
  );
});

test.each([
  ['2.12.2', false],
  ['2.12.3', true],
  ['2.12.4', true],
  ['2.12.4-RC.1', true],
  ['2.12.5', false],
  ['2.10.27', false],
])('of %s it is known whether it loses queues with copies: %s', (version, loses) => {
  expect(losesReplicatedQueues(version)).toBe(loses);
});
