import { describe, expect, test } from 'vitest';
import {
  MINIMUM_VERSION,
  PINNED_VERSION,
  compareVersions,
  isNewEnough,
  normalizeVersion,
  versionInOutput,
} from './version.ts';

describe('compareVersions()', () => {
  test.each([
    ['2.10.27', '2.10.27', 0],
    ['2.9.10', '2.10.27', -1],
    ['2.10.9', '2.10.27', -1],
    ['2.10.28', '2.10.27', 1],
    ['2.15.2', '2.10.27', 1],
    ['3.0.0', '2.99.99', 1],
    ['2.12.0-RC.1', '2.12.0', -1],
    ['2.12.0', '2.12.0-RC.1', 1],
    ['2.12.0-RC.2', '2.12.0-RC.10', -1],
    ['v2.12.0', '2.12.0', 0],
  ])('compares %s with %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });

  test('refuses what is not a version', () => {
    expect(() => compareVersions('latest', '2.10.27')).toThrow('"latest"');
  });
});

test('the pinned version is new enough, and a pre-release of the oldest one is not', () => {
  expect(isNewEnough(PINNED_VERSION)).toBe(true);
  expect(isNewEnough(MINIMUM_VERSION)).toBe(true);
  expect(isNewEnough(`${MINIMUM_VERSION}-RC.1`)).toBe(false);
});

test.each([
  ['2.10.27', '2.10.27'],
  ['v2.15.2', '2.15.2'],
  ['2.12.0-RC.1', '2.12.0-RC.1'],
  ['2.10', undefined],
  ['../../etc/passwd', undefined],
  ['2.10.27/../..', undefined],
  ['', undefined],
])('reads "%s" as %s', (text, version) => {
  expect(normalizeVersion(text)).toBe(version);
});

test.each([
  ['nats-server: v2.15.2\n', '2.15.2'],
  ['nats-server: v2.12.0-RC.1', '2.12.0-RC.1'],
  ['nats-server: 2.9.10', '2.9.10'],
  ['GNU bash, version 5.2.15', undefined],
])('finds the version in "%s"', (output, version) => {
  expect(versionInOutput(output)).toBe(version);
});
