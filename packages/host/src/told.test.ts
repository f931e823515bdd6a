import { expect, onTestFinished, test } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { told } from './told.ts';

test('what a callback throws, at once or later, is a warning and nothing else', async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): number => unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
  const logger = recordingLogger();
  const fail = new Error('no');
  const given: number[] = [];
  told<number>('onProgress', undefined, logger)(1);
  told<number>('onProgress', (value) => given.push(value), logger)(2);
  told(
    'onProgress',
    () => {
      throw fail;
    },
    logger,
  )(3);
  told('onRunEnded', () => Promise.reject(fail), logger)(4);
  await new Promise((resolve) => setImmediate(resolve));
  expect(given).toEqual([2]);
  expect(unhandled).toEqual([]);
  expect(logger.lines).toEqual([
    { level: 'warn', message: 'onProgress failed: ignored', fields: { err: fail } },
    { level: 'warn', message: 'onRunEnded failed: ignored', fields: { err: fail } },
  ]);
});
