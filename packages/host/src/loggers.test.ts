import { createLogger } from '@leat/runtime';
import type { Logger } from '@leat/sdk';
import { expect, test } from 'vitest';
import { loggersOf } from './loggers.ts';

test('a logger of four methods has children, whose fields are given with each line', () => {
  const lines: unknown[][] = [];
  const write =
    (level: string) =>
    (...line: unknown[]): number =>
      lines.push([level, ...line]);
  const given: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  const { logger, log } = loggersOf({ logger: given });
  expect(log).toEqual({ format: 'json', level: 'info' });
  const child = logger.child({ pipeline: 'orders' }).child({ stage: 'files' });
  child.info('ready');
  child.warn({ run: 'r1' }, 'slow');
  logger.error({ err: 1 });
  logger.debug('plain');
  expect(lines).toEqual([
    ['info', { pipeline: 'orders', stage: 'files' }, 'ready'],
    ['warn', { pipeline: 'orders', stage: 'files', run: 'r1' }, 'slow'],
    ['error', { err: 1 }, undefined],
    ['debug', {}, 'plain'],
  ]);
});

test('a logger of pino is taken as it is, and worker threads log at its level', () => {
  const given = createLogger({ format: 'json', level: 'error' });
  const { logger, log } = loggersOf({ logger: given });
  // All who are given it share its limit.
  expect(logger).toBe(loggersOf({ logger: given }).logger);
  expect(logger.level).toBe('error');
  expect(log.level).toBe('error');
  expect(loggersOf({}).log.level).toBe('silent');
});
