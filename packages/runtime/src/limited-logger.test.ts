import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import { authorsLogger, limitedLogger } from './limited-logger.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('lines of one cause are one line a second, which says for how many it stands', async () => {
  const given = recordingLogger();
  const logger = limitedLogger(given).child({ stage: 'work' });
  for (let n = 0; n < 330; n++) {
    logger.warn(
      { run: 'r', chunk: `${n}`, err: new Error(`chunk ${n} is bad`) },
      'chunk given back',
    );
  }
  expect(given.lines).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(given.lines.map(({ message }) => message)).toEqual([
    'chunk given back',
    'chunk given back (one of 329 within a second)',
  ]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(given.lines).toHaveLength(2);
  logger.warn({ run: 'r', chunk: '331', err: new Error('chunk 331 is bad') }, 'chunk given back');
  expect(given.lines).toHaveLength(3);
});

test.each<[string, (logger: ReturnType<typeof limitedLogger>) => void]>([
  ['of another run', (logger) => logger.warn({ run: 's' }, 'waiting')],
  ['of another stage', (logger) => logger.child({ stage: 'other' }).warn({ run: 'r' }, 'waiting')],
  ['of another level', (logger) => logger.error({ run: 'r' }, 'waiting')],
  ['that says something else', (logger) => logger.warn({ run: 'r' }, 'not waiting')],
  ['with another error', (logger) => logger.warn({ run: 'r', err: new Error('x') }, 'waiting')],
  ['of an author', (logger) => authorsLogger(logger, { run: 'r' }).warn('waiting')],
  ['that is no warning', (logger) => logger.info({ run: 'r' }, 'waiting')],
])('a line %s is logged at once', (_, log) => {
  const given = recordingLogger();
  const logger = limitedLogger(given);
  logger.warn({ run: 'r' }, 'waiting');
  log(logger);
  expect(given.lines).toHaveLength(2);
});

test('whatever is logged when, no line is lost from the counts, and none comes sooner than a second after another', async () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 1_500 }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(pauses, async (all) => {
      const given = recordingLogger();
      const logger = limitedLogger(given);
      const times: number[] = [];
      let seen = 0;
      const look = (): void => {
        for (; seen < given.lines.length; seen++) times.push(performance.now());
      };
      for (const pause of all) {
        logger.error('no room');
        look();
        for (let ms = 0; ms < pause; ms += 50) {
          await vi.advanceTimersByTimeAsync(Math.min(50, pause - ms));
          look();
        }
      }
      await vi.advanceTimersByTimeAsync(2_000);
      const counts = given.lines.map(({ message }) =>
        Number(/one of (\d+)/.exec(message)?.[1] ?? 1),
      );
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(all.length);
      for (const [at, time] of times.entries()) {
        if (at > 0) expect(time - (times[at - 1] as number)).toBeGreaterThanOrEqual(949);
      }
    }),
    { numRuns: 30 },
  );
});
